"""SQLite, the default: a file that one controller has for itself."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from halo_controller.errors import AlreadyServed
from halo_controller.store.crossing import connect
from halo_controller.store.engines import Engine
from halo_controller.store.shape import migrate
from halo_shared.errors import ConfigurationError

_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",  # the record of truth: what was promised survives a power cut
    "foreign_keys=ON",
    "busy_timeout=10000",
)

_PRIMARY: Final = 0xFF
"""The bits of an SQLite error code that say what kind it is."""
_PASSING: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


@asynccontextmanager
async def open_sqlite(path: Path) -> AsyncIterator[Engine]:
    """The database in this file, in today's shape.

    Raises AlreadyServed when another controller has it, and ConfigurationError when it is of no use.
    """
    with _sole_owner(path):
        url = URL.create("sqlite+aiosqlite", database=str(path))
        engine = create_async_engine(url, async_creator=partial(connect, path))
        event.listen(engine.sync_engine, "connect", _prepare)
        event.listen(engine.sync_engine, "begin", _begin)
        writes = engine.execution_options(writes=True)
        try:
            await _bring_up_to_date(writes, path)
            yield Engine(engine, writes, passing, shared=False)
        finally:
            await engine.dispose()


def passing(error: BaseException) -> str | None:
    """What this fault says, if waiting may help: not where a table is missing, say."""
    # While connecting, the driver's own error comes through.
    fault = error.orig if isinstance(error, OperationalError) else error
    if not isinstance(fault, sqlite3.OperationalError):
        return None
    # A full disk ends the whole transaction; what is seen then is that a savepoint in it cannot be rolled back.
    passes = fault.sqlite_errorcode & _PRIMARY in _PASSING or str(fault).startswith("no such savepoint")
    return str(fault) if passes else None


@contextmanager
def _sole_owner(path: Path) -> Iterator[None]:
    lock = FileLock(path.with_suffix(".lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise AlreadyServed(
            f"Another controller works on {path}. Stop it first, or give this one a database of its own "
            "with --data or HALO_CONTROLLER_DATA."
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"{path.parent} cannot hold the database: {error.strerror}. Name a folder that may be written to "
            "with --data or HALO_CONTROLLER_DATA."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver would begin transactions by itself, late and as readers; `_begin` does it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    # A writer that starts as a reader can find the database changed under it and fail; so it says at once.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


async def _bring_up_to_date(writes: AsyncEngine, path: Path) -> None:
    try:
        async with writes.begin() as connection:
            await connection.run_sync(migrate, str(path))
    # While connecting, the driver's own error comes through.
    except (DatabaseError, sqlite3.DatabaseError) as error:
        reason = error.orig if isinstance(error, DatabaseError) else error
        raise ConfigurationError(
            f"{path} cannot be used as a database: {reason}. Restore it from a backup, or move it away to start "
            "with an empty one."
        ) from error
