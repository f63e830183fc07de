"""Opening the database: its engine, its shape, and the promise that only one controller writes to it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from halo_controller.errors import AlreadyServed
from halo_shared.errors import ConfigurationError, StoreBusy

MIGRATIONS: Final = Path(__file__).with_name("migrations")
_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",  # the record of truth: what was promised survives a power cut
    "foreign_keys=ON",
    "busy_timeout=10000",
)

_PRIMARY: Final = 0xFF
"""The bits of an SQLite error code that say what kind it is."""
_PASSING: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


class Database:
    """Reading at any time, writing one transaction after the other."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._reads = engine
        self._writes = engine.execution_options(writes=True)
        self._writer = asyncio.Lock()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one moment; raises StoreBusy where waiting may help."""
        with _passing_faults_named():
            async with self._reads.begin() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: all of it, or none when the block raises. Raises StoreBusy where waiting may help."""
        with _passing_faults_named():
            async with self._writer, self._writes.begin() as connection:
                yield connection


@asynccontextmanager
async def open_database(path: Path) -> AsyncIterator[Database]:
    """The SQLite database in this file, in today's shape.

    Raises AlreadyServed when another controller has it, and ConfigurationError when it is of no use.
    """
    with _sole_owner(path):
        engine = create_async_engine(URL.create("sqlite+aiosqlite", database=str(path)))
        event.listen(engine.sync_engine, "connect", _prepare)
        event.listen(engine.sync_engine, "begin", _begin)
        try:
            await _bring_up_to_date(engine, path)
            yield Database(engine)
        finally:
            await engine.dispose()


@contextmanager
def _passing_faults_named() -> Iterator[None]:
    try:
        yield
    # While connecting, the driver's own error comes through.
    except (OperationalError, sqlite3.OperationalError) as error:
        fault = error.orig if isinstance(error, OperationalError) else error
        if not isinstance(fault, sqlite3.Error) or not _passes(fault):
            raise
        raise StoreBusy(detail=str(fault)) from error


def _passes(fault: sqlite3.Error) -> bool:
    """Whether waiting may help: not where a table is missing, say."""
    # A full disk ends the whole transaction; what is seen then is that a savepoint in it cannot be rolled back.
    return fault.sqlite_errorcode & _PRIMARY in _PASSING or str(fault).startswith("no such savepoint")


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


async def _bring_up_to_date(engine: AsyncEngine, path: Path) -> None:
    try:
        async with engine.execution_options(writes=True).begin() as connection:
            await connection.run_sync(_migrate, path)
    # While connecting, the driver's own error comes through.
    except (DatabaseError, sqlite3.DatabaseError) as error:
        reason = error.orig if isinstance(error, DatabaseError) else error
        raise ConfigurationError(
            f"{path} cannot be used as a database: {reason}. Restore it from a backup, or move it away to start "
            "with an empty one."
        ) from error


def _migrate(connection: Connection, path: Path) -> None:
    config = migrations(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    unknown = set(MigrationContext.configure(connection).get_current_heads()) - known
    if unknown:
        raise ConfigurationError(
            f"{path} was last used by a newer halo-controller (its version is {', '.join(sorted(unknown))}, and this "
            f"program knows up to {max(known)}). Upgrade this program, or restore the backup from before the upgrade."
        )
    command.upgrade(config, "head")


def migrations(connection: Connection) -> Config:
    """What alembic's commands need to work over this connection."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
