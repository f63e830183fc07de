"""PostgreSQL: a database that several controllers may share, from any machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from halo_controller.store.engines import Engine
from halo_controller.store.shape import migrate
from halo_shared.errors import ConfigurationError, StoreBusy

CONNECTIONS: Final = 12
OLDEST: Final = 14
"""The oldest PostgreSQL that its makers still mend, and that has all we ask for."""
_SESSION: Final = {
    "application_name": "halo-controller",
    "timezone": "UTC",
    "lock_timeout": "10s",
    # A controller that was frozen, or whose network went, must not keep others from what it had locked.
    "idle_in_transaction_session_timeout": "4s",
    "synchronous_commit": "on",  # the record of truth: what was promised survives a power cut
}
_MIGRATING: Final = 0x48414C4F
"""The advisory lock under which one controller brings the database up to date, while others wait."""

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_PASSING_CLASSES: Final = (
    "08",  # the connection is lost
    "40",  # the transaction was rolled back: serialization, deadlock
    "53",  # disk full, out of memory, too many connections
    "57",  # the server is stopping, starting, or an administrator ended the session
    "58",  # an input or output error
)
_PASSING_STATES: Final = (
    "25P03",  # idle in a transaction for too long: this process was frozen
    "25006",  # read-only: it was the standby that answered
    "55P03",  # somebody else keeps what we want
)


@asynccontextmanager
async def open_postgres(url: str) -> AsyncIterator[Engine]:
    """The database at this URL, in today's shape.

    Raises StoreBusy when it is away for the moment, and ConfigurationError when it is of no use.
    """
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=_connecting(url),
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_recycle=3600,
    )
    reads = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    writes = engine.execution_options(writes=True)
    try:
        await _bring_up_to_date(writes, named(url))
        yield Engine(reads, writes, passing, shared=True)
    finally:
        await engine.dispose()


def named(url: str) -> str:
    """The database's address without its password, for people."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def passing(error: BaseException) -> str | None:
    """What this fault says, if waiting may help."""
    fault = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(fault, "sqlstate", None) or ""
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    away = isinstance(error, OSError | NoneFree)  # a time-out while connecting is an OSError, too
    if lost or away or state[:2] in _PASSING_CLASSES or state in _PASSING_STATES:
        return f"{type(fault).__name__}: {fault}"
    return None


def _connecting(url: str) -> Any:  # Any: the driver ships no types
    try:
        import asyncpg  # noqa: PLC0415  an extra: who keeps to SQLite needs no driver for PostgreSQL
    except ImportError as error:
        raise ConfigurationError(
            "PostgreSQL needs its driver, which is not installed. Install it with: "
            "pip install 'halo-integrator-controller[postgres]'"
        ) from error
    # The driver reads the URL as libpq does: several hosts, sslmode, a password file.
    return partial(asyncpg.connect, url, server_settings=_SESSION, timeout=10)


async def _bring_up_to_date(writes: AsyncEngine, name: str) -> None:
    try:
        async with writes.begin() as connection:
            await connection.run_sync(_migrate, name)
    except ConfigurationError:
        raise
    except Exception as error:  # the driver has a tree of errors of its own; each ends the start
        if reason := passing(error):
            raise StoreBusy(f"The database {name} does not answer.", detail=reason) from error
        fault = error.orig if isinstance(error, DBAPIError) else error
        raise ConfigurationError(
            f"{name} cannot be used as a database: {fault}. Correct HALO_CONTROLLER_DATABASE_URL, as in "
            "postgresql://USER:PASSWORD@HOST/DATABASE, or let the server accept it."
        ) from error


def _migrate(connection: Connection, name: str) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATING})
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000
    if version < OLDEST:
        raise ConfigurationError(f"{name} is PostgreSQL {version}; {OLDEST} or newer is needed. Upgrade it.")
    migrate(connection, name)
