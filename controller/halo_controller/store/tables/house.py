"""The controller's own: what waits for the broker, who may come in, what was changed, and who leads."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    Uuid,
)

from halo_controller.store.tables.base import Moment, metadata

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
    Column("expires_at", Moment),
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

leaders = Table(
    "leaders",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("holder", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("until", Moment, nullable=False),
)
