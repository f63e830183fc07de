"""What was learnt of each Halo instance, so that it is found out once and not by every attempt."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiosqlite

from halo_agent.store.files import naming_a_full_disk, opened

STEPS: Final = (
    """
    CREATE TABLE lessons (
        instance TEXT NOT NULL,
        topic TEXT NOT NULL,
        lesson TEXT NOT NULL,
        PRIMARY KEY (instance, topic)
    ) WITHOUT ROWID
    """,
)


class InstanceStore:
    """The lessons of every instance that this agent has written to, by its address, database and version."""

    def __init__(self, db: aiosqlite.Connection) -> None:
        self._db = db

    async def recall(self, instance: str) -> Mapping[str, str]:
        query = "SELECT topic, lesson FROM lessons WHERE instance = ?"
        return {row[0]: row[1] for row in await self._db.execute_fetchall(query, (instance,))}

    async def keep(self, instance: str, topic: str, lesson: str) -> None:
        row = (instance, topic, lesson)
        async with naming_a_full_disk(self._db):
            await self._db.execute(
                "INSERT OR REPLACE INTO lessons (instance, topic, lesson) VALUES (?, ?, ?)", row
            )


@asynccontextmanager
async def open_instances(path: Path) -> AsyncIterator[InstanceStore]:
    """The store in this file."""
    async with opened(path, STEPS) as db:
        yield InstanceStore(db)
