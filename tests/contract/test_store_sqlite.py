"""SQLite keeps the store's contract; and what only a file can do wrong is said in a sentence."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from halo_controller.errors import AlreadyServed
from halo_controller.store import runs, sqlite, tenants
from halo_controller.store.database import Database, open_database
from halo_controller.store.shape import MIGRATIONS
from halo_controller.store.tables import groups
from halo_shared.errors import ConfigurationError, StoreBusy
from tests.contract.store import StoreContract
from tests.support.builders import NOW


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "controller.db"


class TestSqliteStore(StoreContract):
    @pytest.fixture
    async def database(self, file: Path) -> AsyncIterator[Database]:
        async with open_database(file) as database:
            yield database


async def opened(file: Path) -> None:
    async with open_database(file):
        pass


async def refusal(file: Path) -> str:
    with pytest.raises(ConfigurationError) as refused:
        await opened(file)
    return refused.value.message


@asynccontextmanager
async def served_elsewhere(file: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another process that has this database open, and is killed at the end if it was not before."""
    serve = (
        "import asyncio, sys; from pathlib import Path\n"
        "from halo_controller.store.database import open_database\n"
        "async def main():\n"
        "    async with open_database(Path(sys.argv[1])):\n"
        "        print('open', flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", serve, str(file), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"open\n"
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_what_was_written_is_there_when_it_is_opened_again(file: Path) -> None:
    async with open_database(file) as database, database.write() as db:
        await tenants.add_group(db, "site", "", NOW)

    async with open_database(file) as database, database.read() as db:
        assert [group.name for group in await tenants.every_group(db)] == ["site"]


@pytest.mark.parametrize("name", ["with space", "per%cent", "quest?ion", "ha#sh", "ümlaut"])
async def test_any_folder_will_do(tmp_path: Path, name: str) -> None:
    file = tmp_path / name / "deeper" / "controller.db"

    await opened(file)

    assert file.is_file()


async def test_a_second_controller_is_refused(file: Path) -> None:
    async with open_database(file):
        with pytest.raises(AlreadyServed) as refused:
            await opened(file)
    await opened(file)

    assert refused.value.message == (
        f"Another controller works on {file}. Stop it first, or give this one a database of its own "
        "with --data or HALO_CONTROLLER_DATA."
    )


async def test_a_controller_in_another_process_is_respected_while_it_lives(file: Path) -> None:
    async with served_elsewhere(file) as process:
        with pytest.raises(AlreadyServed):
            await opened(file)
        process.kill()
        await process.wait()
        await opened(file)


async def test_the_database_of_a_newer_controller(file: Path) -> None:
    await opened(file)
    with sqlite3.connect(file) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '0999'")
    raw.close()

    newest = max(each.name[:4] for each in (MIGRATIONS / "versions").glob("0*.py"))
    assert await refusal(file) == (
        f"{file} was last used by a newer halo-controller (its version is 0999, and this program knows up to {newest}). "
        "Upgrade this program, or restore the backup from before the upgrade."
    )


def write_text(file: Path) -> None:
    file.write_text("This is no database. " * 100)


def cut_short(file: Path) -> None:
    asyncio.run(opened(file))
    file.write_bytes(file.read_bytes()[:5000])


def make_a_folder(file: Path) -> None:
    file.mkdir()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (write_text, "file is not a database"),
        (cut_short, "database disk image is malformed"),
        (make_a_folder, "unable to open database file"),
    ],
)
async def test_a_file_that_is_no_database(file: Path, damage: Callable[[Path], None], reason: str) -> None:
    await asyncio.to_thread(damage, file)

    assert await refusal(file) == (
        f"{file} cannot be used as a database: {reason}. Restore it from a backup, or move it away to start "
        "with an empty one."
    )


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file stands here")

    assert await refusal(tmp_path / "taken" / "controller.db") == (
        f"{tmp_path / 'taken'} cannot hold the database: File exists. Name a folder that may be written to "
        "with --data or HALO_CONTROLLER_DATA."
    )


async def test_nobody_else_writes_between_a_look_and_an_act(file: Path) -> None:
    """Another program, such as sqlite3 at a prompt; the controller's own writers wait for each other anyway."""
    async with open_database(file) as database, database.write() as db:
        await tenants.every_group(db)
        other = sqlite3.connect(file, timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            other.execute("DELETE FROM groups")
        other.close()


async def test_a_database_that_somebody_else_keeps_is_busy(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_PRAGMAS", ("journal_mode=WAL", "busy_timeout=1"))
    async with open_database(file) as database:
        other = sqlite3.connect(file, timeout=0, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match=r"The controller's database is busy or full.") as busy:
            await kept(database, "site")
        other.close()

        await kept(database, "site")  # and then it goes on

    assert busy.value.detail == "database is locked"


async def test_a_full_database_keeps_what_it_has_and_may_have_room_again(file: Path) -> None:
    async with open_database(file) as database:
        async with database.write() as db:
            await db.exec_driver_sql("PRAGMA max_page_count = 1")  # no less than what it has now
        with pytest.raises(StoreBusy) as full:
            async with database.write() as db:
                await db.execute(groups.insert().values(name="site", title="x" * 100_000, created_at=NOW))
        with pytest.raises(StoreBusy):  # the same inside a savepoint
            await kept(database, "site", title="x" * 100_000)
        async with database.write() as db:
            assert await tenants.every_group(db) == []
            await db.exec_driver_sql("PRAGMA max_page_count = 100000")

        await kept(database, "site", title="x" * 100_000)

    assert full.value.detail == "database or disk is full"


async def test_a_fault_that_will_not_pass_is_not_called_busy(file: Path) -> None:
    async with open_database(file) as database:
        with pytest.raises(OperationalError, match="no such table: nonsense"):
            async with database.read() as db:
                await db.exec_driver_sql("SELECT * FROM nonsense")


async def kept(database: Database, group: str, title: str = "") -> None:
    async with database.write() as db:
        await tenants.add_group(db, group, title, NOW)


async def test_a_power_cut_loses_nothing_that_was_promised(file: Path) -> None:
    async with open_database(file) as database, database.read() as db:
        pragmas = [
            (await db.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]

    assert pragmas == ["wal", 2, 1]


async def test_the_latest_runs_are_found_without_looking_at_all_others(file: Path) -> None:
    async with open_database(file) as database, database.read() as db:
        asked: list[str] = []
        event.listen(db.sync_connection, "before_cursor_execute", lambda *said: asked.append(said[2]))
        await runs.latest(db, ended=True)
        plan = [row.detail for row in await db.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0]}", (1, 0))]

    assert "SCAN integrations" in plan[0]
    assert not any("SCAN runs" in step for step in plan), plan
