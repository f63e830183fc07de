"""Integrations, when each runs, and what is remembered for that."""

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
    false,
)

from halo_controller.store.tables.base import Definition, Moment, metadata
from halo_shared.integrations import IntegrationSpec

integrations = Table(
    "integrations",
    metadata,
    Column("tenant", ForeignKey("tenants.name"), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("spec", Definition(IntegrationSpec), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("cursors", JSON, nullable=False, server_default="{}"),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("last_opened_at", Moment),
    Column("last_success", Moment),
    Column("planned", Boolean, nullable=False, server_default=false(), index=True),
    Column("escrowed", Integer, nullable=False, server_default="0"),
    Column("last_agent", String(40)),
    Column("last_fence", Integer, nullable=False, server_default="0"),
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
