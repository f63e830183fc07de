"""Writing whole to the agent's files."""

import sqlite3
from pathlib import Path
from tempfile import gettempdir

import aiosqlite
import pytest

from halo_agent.store.files import opened, transaction
from halo_agent.store.workspace import open_workspace
from halo_shared.errors import DiskFull
from tests.support.disk import small_disk
from tests.support.engine import USERS
from tests.support.services import needed

STEPS = (
    """
    CREATE TABLE parent (id INTEGER PRIMARY KEY);
    CREATE TABLE child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)
    """,
)


async def in_one_transaction(db: aiosqlite.Connection, *, rows: int) -> None:
    async with transaction(db):
        await db.executemany("INSERT INTO parent VALUES (?)", [(number,) for number in range(rows)])


async def crowd_a_workspace() -> None:
    async with open_workspace() as workspace:
        await workspace.db.execute("PRAGMA max_page_count = 1")
        await workspace.lose(USERS, {str(number): "x" * 1_000 for number in range(1_000)})


async def test_a_commit_that_fails_leaves_nothing_and_the_next_one_succeeds(tmp_path: Path) -> None:
    async with opened(tmp_path / "some.db", STEPS) as db:
        await db.execute("PRAGMA foreign_keys=ON")

        with pytest.raises(sqlite3.IntegrityError):  # the rule is looked at when committing
            async with transaction(db):
                await db.execute("INSERT INTO child VALUES (1)")
        async with transaction(db):
            await db.execute("INSERT INTO parent VALUES (2)")

        assert list(await db.execute_fetchall("SELECT count(*) FROM child")) == [(0,)]


async def test_a_full_disk_is_named_and_nothing_is_half_written(tmp_path: Path) -> None:
    async with opened(tmp_path / "some.db", STEPS) as db:
        await db.execute("PRAGMA max_page_count = 1")

        with pytest.raises(
            DiskFull, match=rf"^The disk that holds {tmp_path}/some.db is full. Make room on it;"
        ):
            await in_one_transaction(db, rows=10_000)

        assert list(await db.execute_fetchall("SELECT count(*) FROM parent")) == [(0,)]


async def test_an_agent_that_starts_on_a_full_disk_says_so(tmp_path: Path) -> None:
    with needed(), small_disk(tmp_path / "disk") as disk:
        disk.fill()
        with pytest.raises(DiskFull, match=rf"^The disk that holds {disk.folder}/some.db is full."):
            async with opened(disk.folder / "some.db", STEPS):
                pass


async def test_a_workspace_says_that_the_disk_for_temporary_files_is_full() -> None:
    with pytest.raises(DiskFull, match=rf"^The disk that holds {gettempdir()} is full."):
        await crowd_a_workspace()
