"""Opening one of the agent's SQLite files, in today's shape."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite

from halo_shared.errors import ConfigurationError


@asynccontextmanager
async def opened(path: Path, steps: Sequence[str]) -> AsyncIterator[aiosqlite.Connection]:
    """The file after every step that it had not taken yet; each step is a script that is run once.

    Raises ConfigurationError when a newer program has been here.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    async with aiosqlite.connect(path, isolation_level=None) as db:
        await db.execute("PRAGMA journal_mode=WAL")
        await db.execute("PRAGMA synchronous=NORMAL")
        await db.execute("PRAGMA busy_timeout=10000")
        await _take_steps(db, path, steps)
        yield db


@asynccontextmanager
async def transaction(db: aiosqlite.Connection) -> AsyncIterator[None]:
    """All of the block, or none of it."""
    await db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        await db.execute("ROLLBACK")
        raise
    await db.execute("COMMIT")


async def _take_steps(db: aiosqlite.Connection, path: Path, steps: Sequence[str]) -> None:
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
