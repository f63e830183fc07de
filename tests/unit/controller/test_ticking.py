"""The loops outlast a database that is busy or full for a while."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from halo_controller import publisher as publishing
from halo_controller.store import outbox, sqlite
from halo_controller.store.outbox import Posting
from halo_controller.ticking import outlasting_passing_faults
from halo_shared.errors import ConfigurationError, StoreBusy
from halo_shared.messages.codec import Envelope
from halo_shared.runs import RunStatus
from halo_shared.topology import to_agent
from tests.support.builders import OTHER_SESSION, hello, integration_spec
from tests.support.clock import ManualClock, eventually
from tests.unit.controller.centre import Centre, a_centre


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "controller.db"


@pytest.fixture
async def centre(file: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Centre]:
    """A controller that does not wait long for its database."""
    monkeypatch.setattr(sqlite, "_PRAGMAS", ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=1"))
    monkeypatch.setattr(publishing, "IDLE", 0.05)
    async with a_centre(file, clock) as one:
        yield one


@contextmanager
def kept_busy(file: Path) -> Iterator[None]:
    """Somebody else writes to the database, and lets nobody else."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@asynccontextmanager
async def at_work(loop: Coroutine[None, None, None]) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(loop)
    yield task
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_the_scheduler_opens_later_what_it_could_not_open(centre: Centre, file: Path) -> None:
    await centre.set_up("one", spec=integration_spec(every=timedelta(hours=1)))

    async with at_work(centre.scheduler.run()):
        with kept_busy(file):
            await centre.clock.asleep()
        assert await centre.waiting() == []
        await centre.clock.advance(1)

    assert len(await centre.waiting()) == 2  # the job, and what is told of it


async def test_the_reconciler_mends_later_what_it_could_not_mend(centre: Centre, file: Path) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    await centre.ask(hello(session=OTHER_SESSION))

    async with at_work(centre.reconciler.run()):
        with kept_busy(file):
            await centre.clock.asleep()
        assert (await centre.run(leased.id)).status is RunStatus.RUNNING
        await centre.clock.advance(3)

    assert (await centre.run(leased.id)).status is RunStatus.QUEUED


async def test_the_publisher_clears_later_what_it_could_not_clear(centre: Centre, file: Path) -> None:
    await centre.set_up("one")
    async with centre.database.write() as db:
        await outbox.put(db, Posting(Envelope("1", "note", b"{}"), to_agent("one")))

    async def cleared() -> bool:
        return await centre.waiting() == []

    async with at_work(centre.publisher.run()) as task:
        with kept_busy(file):
            await asyncio.sleep(0.3)
            assert not task.done()
            assert not await cleared()
        await eventually(cleared)


def test_a_fault_that_passes_is_outlasted() -> None:
    with outlasting_passing_faults("scheduler"):
        raise StoreBusy


def test_a_fault_that_stays_ends_the_loop() -> None:
    with pytest.raises(ConfigurationError), outlasting_passing_faults("scheduler"):
        raise ConfigurationError
