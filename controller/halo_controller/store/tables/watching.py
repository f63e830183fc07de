"""Incidents, and who is told of them."""

from sqlalchemy import (
    JSON,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    text,
)

from halo_controller.store.tables.base import Moment, metadata

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
