"""Writing whole to the agent's files."""

import sqlite3
from pathlib import Path

import pytest

from halo_agent.store.files import opened, transaction

STEPS = (
    """
    CREATE TABLE parent (id INTEGER PRIMARY KEY);
    CREATE TABLE child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)
    """,
)


async def test_a_commit_that_fails_leaves_nothing_and_the_next_one_succeeds(tmp_path: Path) -> None:
    async with opened(tmp_path / "some.db", STEPS) as db:
        await db.execute("PRAGMA foreign_keys=ON")

        with pytest.raises(sqlite3.IntegrityError):  # the rule is looked at when committing
            async with transaction(db):
                await db.execute("INSERT INTO child VALUES (1)")
        async with transaction(db):
            await db.execute("INSERT INTO parent VALUES (2)")

        assert list(await db.execute_fetchall("SELECT count(*) FROM child")) == [(0,)]
