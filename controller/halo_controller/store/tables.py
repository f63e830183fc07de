"""The tables, as SQLAlchemy Core knows them. Migrations in `migrations/` bring a database to this shape."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    Uuid,
    false,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """A point in time, always aware and in UTC, also where the database keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


tenants = Table(
    "tenants",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("spec", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
)

groups = Table(
    "groups",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("title", Text, nullable=False, server_default=""),
    Column("created_at", Moment, nullable=False),
    Column("kind", String(12), nullable=False, server_default="local"),
    Column("tenant", String(40)),
)

agents = Table(
    "agents",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("group", ForeignKey("groups.name"), nullable=False, index=True),
    Column("created_at", Moment, nullable=False),
    Column("session", Uuid),
    Column("seen_at", Moment),
    Column("version", Text, nullable=False, server_default=""),
    Column("slots", Integer, nullable=False, server_default="0"),
    Column("free_slots", Integer, nullable=False, server_default="0"),
    Column("spooled", Integer, nullable=False, server_default="0"),
    Column("dropped", Integer, nullable=False, server_default="0"),
    Column("connectors", JSON, nullable=False, server_default="[]"),
    Column("doing", JSON, nullable=False, server_default="[]"),
    Column("protocol", Integer, nullable=False, server_default="0"),
    Column("stalled", Float, nullable=False, server_default="0"),
    Column("draining", Boolean, nullable=False, server_default=false()),
    Column("obeys", JSON, nullable=False, server_default="[]"),
    Column("certificates", JSON, nullable=False, server_default="[]"),
)

strangers = Table(
    "strangers",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("why", Text, nullable=False),
    Column("heard_at", Moment, nullable=False),
)

integrations = Table(
    "integrations",
    metadata,
    Column("tenant", ForeignKey("tenants.name"), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("spec", JSON, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("cursors", JSON, nullable=False, server_default="{}"),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("last_opened_at", Moment),
    Column("planned", Boolean, nullable=False, server_default=false(), index=True),
    Column("escrowed", Integer, nullable=False, server_default="0"),
)

schedules = Table(
    "schedules",
    metadata,
    Column("tenant", String(40), primary_key=True),
    Column("integration", String(40), primary_key=True),
    Column("mode", String(12), primary_key=True),
    Column("at", Moment, nullable=False, index=True),
    Column("clocks_change", Boolean, nullable=False),
    Column("waiting", Boolean, nullable=False),
    ForeignKeyConstraint(["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
)

occurrences = Table(
    "occurrences",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("tenant", String(40), nullable=False),
    Column("integration", String(40), nullable=False),
    Column("mode", String(12), nullable=False),
    Column("at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("times", Integer, nullable=False),
    Column("fate", String(12), nullable=False),
    Column("reason", Text, nullable=False),
    Column("run", String(12)),
    ForeignKeyConstraint(["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
)
Index("occurrences_of", occurrences.c.tenant, occurrences.c.integration, occurrences.c.id)

standings = Table(
    "standings",
    metadata,
    Column("tenant", String(40), primary_key=True),
    Column("integration", String(40), primary_key=True),
    Column("retry_at", Moment, index=True),
    Column("body", JSON, nullable=False),
    ForeignKeyConstraint(["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("tenant", String(40), nullable=False),
    Column("integration", String(40), nullable=False),
    Column("group", String(40), nullable=False),
    Column("status", String(12), nullable=False),
    Column("trigger", String(12), nullable=False),
    Column("reason", Text, nullable=False),
    Column("mode", String(12)),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("agent", String(40)),
    Column("session", Uuid),
    Column("lease_until", Moment),
    Column("unheld_since", Moment),
    Column("deadline", Moment),
    Column("queued_at", Moment, nullable=False, index=True),
    Column("dispatched_at", Moment),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("cancel_reason", Text),
    Column("counts", JSON, nullable=False, server_default="{}"),
    Column("requests", Integer, nullable=False, server_default="0"),
    Column("progress", JSON),
    Column("failure", JSON),
    Column("held_for", JSON, nullable=False, server_default="[]"),
    Column("approved", JSON, nullable=False, server_default="[]"),
    Column("planned", JSON, nullable=False, server_default="{}"),
    Column("preview", Boolean, nullable=False, server_default=false()),
    Column("only", Text),
    Column("waits_for_turn", Boolean, nullable=False, server_default=false()),
    Column("traceparent", Text),
    ForeignKeyConstraint(["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
)
Index(
    "one_open_run_per_integration",
    runs.c.tenant,
    runs.c.integration,
    unique=True,
    sqlite_where=text("ended_at IS NULL"),
    postgresql_where=text("ended_at IS NULL"),
)

halo_checks = Table(
    "halo_checks",
    metadata,
    Column("tenant", ForeignKey("tenants.name"), primary_key=True),
    Column("ask", Uuid, nullable=False),
    Column("agent", String(40), nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("answered_at", Moment),
    Column("answer", JSON),
)

hosted_classes = Table(
    "hosted_classes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("body", JSON, nullable=False),
)

hostings = Table(
    "hostings",
    metadata,
    Column("tenant", String(40), primary_key=True),
    Column("integration", String(40), primary_key=True),
    Column("body", JSON, nullable=False),
    ForeignKeyConstraint(["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
)

attempts = Table(
    "attempts",
    metadata,
    Column("run", ForeignKey("runs.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("fence", Integer, nullable=False),
    Column("agent", String(40), nullable=False),
    Column("granted_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("end", Text),
)

events = Table(
    "events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("run", String(12), nullable=False, index=True),
    Column("fence", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("kind", String(12), nullable=False),
    Column("level", String(8), nullable=False),
    Column("superseded", Boolean, nullable=False),
    Column("body", JSON, nullable=False),
)

records = Table(
    "records",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("event", Uuid, nullable=False, index=True),
    Column("tenant", String(40), nullable=False),
    Column("integration", String(40), nullable=False),
    Column("run", String(12), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("entity", String(12), nullable=False),
    Column("result", String(12), nullable=False),
    Column("body", JSON, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_records_run_id", records.c.run, records.c.id)
Index("ix_records_tenant_at", records.c.tenant, records.c.at)

record_keys = Table(
    "record_keys",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("record", ForeignKey("records.id", ondelete="CASCADE"), primary_key=True, index=True),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("exchange", String(40), nullable=False),
    Column("key", Text, nullable=False),
    Column("message_id", String(64), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("traceparent", Text),
    Column("run", String(12)),
    sqlite_autoincrement=True,
)

tokens = Table(
    "tokens",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("created_at", Moment, nullable=False),
    Column("role", String(16), nullable=False, server_default="operator"),
    Column("tenants", JSON, nullable=False, server_default="[]"),
    Column("expires_at", Moment),
    Column("used_at", Moment),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("who", String(80), nullable=False),
    Column("role", String(16), nullable=False),
    Column("action", String(40), nullable=False),
    Column("noun", String(16), nullable=False),
    Column("name", String(100), nullable=False),
    Column("tenant", String(40), index=True),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
    Column("request", String(64), nullable=False),
    sqlite_autoincrement=True,
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", String(8), primary_key=True),
    Column("key", Text, nullable=False),
    Column("tenant", String(40)),
    Column("integration", String(40)),
    Column("code", String(80), nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("recovered_at", Moment, index=True),
    Column("body", JSON, nullable=False),
)
Index(
    "one_open_incident_per_cause",
    incidents.c.key,
    unique=True,
    sqlite_where=text("recovered_at IS NULL"),
    postgresql_where=text("recovered_at IS NULL"),
)

people = Table(
    "people",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("tenant", ForeignKey("tenants.name")),
    Column("spec", JSON, nullable=False),
)

silences = Table(
    "silences",
    metadata,
    Column("id", String(8), primary_key=True),
    Column("tenant", String(40)),
    Column("ends_at", Moment),
    Column("body", JSON, nullable=False),
)

notifications = Table(
    "notifications",
    metadata,
    Column("id", String(8), primary_key=True),
    Column("person", String(40), nullable=False),
    Column("tenant", String(40)),
    Column("state", String(12), nullable=False),
    Column("created_at", Moment, nullable=False, index=True),
    Column("next_at", Moment, nullable=False),
    Column("body", JSON, nullable=False),
)
Index("ix_notifications_state_next_at", notifications.c.state, notifications.c.next_at)

told = Table(
    "told",
    metadata,
    Column("incident", ForeignKey("incidents.id"), primary_key=True),
    Column("person", String(40), primary_key=True),
    Column("occasion", String(12), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("reference", Text),
)

stages = Table(
    "stages",
    metadata,
    Column("run", ForeignKey("runs.id"), primary_key=True),
    Column("fence", Integer, primary_key=True),
    Column("stage", String(12), primary_key=True),
    Column("began_at", Moment, nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer),
)

leaders = Table(
    "leaders",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("holder", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("until", Moment, nullable=False),
)
