"""Tenants, groups, agents, and whether a tenant's Halo can be entered."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    Uuid,
    false,
)

from halo_controller.store.tables.base import Definition, Moment, metadata
from halo_shared.integrations import TenantSpec

tenants = Table(
    "tenants",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("spec", Definition(TenantSpec), nullable=False),
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

announcements = Table(
    "announcements",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("connectors", JSON, nullable=False),
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
    Column("announced", String(64)),
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
