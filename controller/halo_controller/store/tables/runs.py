"""Runs, what was said of them, and what became of single records."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    Uuid,
    false,
    text,
)

from halo_controller.store.tables.base import Moment, metadata

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
    Column("offered_to", String(40)),
    Column("waits_for_turn", Boolean, nullable=False, server_default=false()),
    Column("traceparent", Text),
    ForeignKeyConstraint(["tenant", "integration"], ["integrations.tenant", "integrations.name"]),
)
Index("ix_runs_of_integration", runs.c.tenant, runs.c.integration, runs.c.queued_at)
Index(
    "one_open_run_per_integration",
    runs.c.tenant,
    runs.c.integration,
    unique=True,
    sqlite_where=text("ended_at IS NULL"),
    postgresql_where=text("ended_at IS NULL"),
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
