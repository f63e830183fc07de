"""Opening one of the agent's SQLite files, in today's shape, and writing to it whole, or saying that the disk is full."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import Final

import aiosqlite

from halo_shared.errors import ConfigurationError, DiskFull

_NO_ROOM: Final = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,  # a quota is used up
    sqlite3.SQLITE_IOERR_SHMSIZE,  # no room for the index of what was written last
)


@asynccontextmanager
async def opened(path: Path, steps: Sequence[str]) -> AsyncIterator[aiosqlite.Connection]:
    """The file after every step that it had not taken yet; each step is a script that is run once.

    Raises ConfigurationError when it can't be used, or when a newer program has been here, and DiskFull.
    """
    async with AsyncExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            db = await stack.enter_async_context(aiosqlite.connect(path, isolation_level=None))
            await db.execute("PRAGMA journal_mode=WAL")
            await db.execute("PRAGMA synchronous=NORMAL")
            await db.execute("PRAGMA busy_timeout=10000")
            await take_steps(db, path, steps)
        except (OSError, sqlite3.Error) as error:
            if _no_room(error):
                raise full(str(path)) from error
            raise ConfigurationError(
                f"{path} cannot be used: {error}. Give this account the right to write there, or 'data' another place."
            ) from error
        yield db


async def take_steps(db: aiosqlite.Connection, path: Path, steps: Sequence[str]) -> None:
    """Bring this database, which was read from `path`, into today's shape."""
    async with db.execute("PRAGMA user_version") as cursor:
        row = await cursor.fetchone()
    taken = int(row[0]) if row else 0
    if taken > len(steps):
        raise ConfigurationError(
            f"{path} was written by a newer halo-agent; upgrade this one, or give it another data directory."
        )
    for number, step in enumerate(steps[taken:], start=taken + 1):
        async with transaction(db):
            for statement in step.split(";"):
                await db.execute(statement)
            await db.execute(f"PRAGMA user_version = {number}")


@asynccontextmanager
async def transaction(db: aiosqlite.Connection) -> AsyncIterator[None]:
    """All of the block, or none of it. Raises DiskFull where there is no room for it."""
    async with naming_a_full_disk(db):
        try:
            await db.execute("BEGIN IMMEDIATE")
            yield
            await db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:  # SQLite ends it by itself when the disk is full
                await db.execute("ROLLBACK")
            raise


@asynccontextmanager
async def naming_a_full_disk(db: aiosqlite.Connection) -> AsyncIterator[None]:
    """Raises DiskFull in the place of SQLite's own error, which does not say where there is no room."""
    try:
        yield
    except sqlite3.Error as error:
        if not _no_room(error):
            raise
        main, *_ = await db.execute_fetchall("PRAGMA database_list")
        raise full(main[2]) from error


def full(file: str) -> DiskFull:
    """The disk that holds this file is full; a database without a name lies among the temporary files."""
    return DiskFull(
        f"The disk that holds {file or gettempdir()} is full. Make room on it; nothing else needs to be done: the next "
        "run does what this one could not."
    )


def _no_room(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", None) in _NO_ROOM


async def to_its_end(write: Coroutine[None, None, None]) -> None:
    """Await a write; a cancellation waits for its end, since the connection's thread goes on with it anyway."""
    task = asyncio.create_task(write)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
