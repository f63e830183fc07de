"""What every source must keep, whatever tool it reads; subclass it with that tool's own fixtures."""

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Literal

import pytest

from halo_agent.connectors import CheckedSource
from halo_agent.engine.ports import SourceItem, Wanted
from halo_agent.engine.records import Finished, SourceRecord, UnreadableRecord
from halo_shared.entities import EntityKind
from halo_shared.runs import Mode

Snapshot = Callable[[], Awaitable[object]]
DESCRIPTORS = Path("/proc/self/fd")


class SourceContract:
    """Override `source`, `expected_ids` and `snapshot`; and `kind` when the source has no users."""

    @pytest.fixture
    def kind(self) -> EntityKind:
        """The kind that `expected_ids` speaks of."""
        return EntityKind.USERS

    @pytest.fixture
    def source(self) -> CheckedSource:
        """An opened source over a tool that holds more records than it hands out at a time."""
        raise NotImplementedError

    @pytest.fixture
    def expected_ids(self) -> set[str]:
        """The id of every record that the tool holds and that can be read."""
        raise NotImplementedError

    @pytest.fixture
    def snapshot(self) -> Snapshot:
        """Asks for everything the tool holds, by another way than through the source."""
        raise NotImplementedError

    async def test_a_read_ends_with_its_only_finished(self, source: CheckedSource, kind: EntityKind) -> None:
        items = await read(source, kind)

        assert [item for item in items if isinstance(item, Finished)] == [items[-1]]

    async def test_a_full_read_gives_every_record_and_says_so(
        self, source: CheckedSource, kind: EntityKind, expected_ids: set[str]
    ) -> None:
        items = await read(source, kind)

        assert set(ids(items)) == expected_ids
        assert isinstance(items[-1], Finished)
        assert items[-1].full

    async def test_ids_are_unique_and_not_empty(self, source: CheckedSource, kind: EntityKind) -> None:
        found = ids(await read(source, kind))

        assert found
        assert all(id_.strip() for id_ in found)
        assert [id_ for id_, times in Counter(found).items() if times > 1] == []

    async def test_records_are_of_the_kind_asked_for_and_have_a_name(
        self, source: CheckedSource, kind: EntityKind
    ) -> None:
        records = [item for item in await read(source, kind) if isinstance(item, SourceRecord)]

        assert {record.kind for record in records} == {kind}
        assert [record.id for record in records if not record.name.strip()] == []

    async def test_what_cannot_be_read_says_where_and_why(
        self, source: CheckedSource, kind: EntityKind
    ) -> None:
        for item in await read(source, kind):
            if isinstance(item, UnreadableRecord):
                assert item.kind is kind
                assert item.place
                assert item.reason

    async def test_reading_twice_gives_the_same(self, source: CheckedSource, kind: EntityKind) -> None:
        first = await read(source, kind)
        second = await read(source, kind)

        assert by_id(first) == by_id(second)

    async def test_a_delta_reads_to_the_end_too(self, source: CheckedSource, kind: EntityKind) -> None:
        items = await read(source, kind, Mode.DELTA)

        assert isinstance(items[-1], Finished)

    async def test_reading_and_checking_change_nothing(
        self, source: CheckedSource, kind: EntityKind, snapshot: Snapshot
    ) -> None:
        before = await snapshot()

        await read(source, kind)
        async for _ in source.check():
            pass

        assert await snapshot() == before

    async def test_a_check_shows_its_stages(self, source: CheckedSource) -> None:
        steps = [step async for step in source.check()]

        assert steps
        assert all(step.stage and step.found for step in steps)
        assert len({step.stage for step in steps}) == len(steps)

    async def test_leaving_early_leaves_nothing_open(self, source: CheckedSource, kind: EntityKind) -> None:
        before = opened()

        async with aclosing(source.read(Wanted(kind))) as items:
            async for _ in items:
                break

        await only_these_are_open(before)

    async def test_cancelling_in_the_middle_leaves_nothing_open(
        self, source: CheckedSource, kind: EntityKind
    ) -> None:
        before = opened()
        reading = asyncio.Event()

        async def consume() -> None:
            async with aclosing(source.read(Wanted(kind))) as items:
                async for _ in items:
                    reading.set()
                    await asyncio.sleep(3600)

        task = asyncio.create_task(consume())
        await reading.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        await only_these_are_open(before)


async def read(
    source: CheckedSource, kind: EntityKind, mode: Literal[Mode.FULL, Mode.DELTA] = Mode.FULL
) -> list[SourceItem]:
    """Everything that one read gives."""
    return [item async for item in source.read(Wanted(kind, mode))]


def ids(items: list[SourceItem]) -> list[str]:
    """The ids of the records among these, as often as they occur."""
    return [item.id for item in items if isinstance(item, SourceRecord)]


def by_id(items: list[SourceItem]) -> dict[str, SourceRecord]:
    """The records among these; a tool may hand them out in any order."""
    return {item.id: item for item in items if isinstance(item, SourceRecord)}


def opened() -> set[str]:
    """What this process holds: files, sockets and threads other than those of the event loop."""
    files = {str(target) for target in map(_target, DESCRIPTORS.iterdir()) if target is not None}
    threads = {
        f"thread {thread.name}"
        for thread in threading.enumerate()
        if not thread.name.startswith("asyncio_")  # the loop's own pool stays, idle
    }
    return files | threads


async def only_these_are_open(before: set[str]) -> None:
    """Wait until nothing more is held than `before`: a worker thread may need a moment to end."""
    for _ in range(50):
        if opened() <= before:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"still open: {', '.join(sorted(opened() - before))}")


def _target(descriptor: Path) -> Path | None:
    try:
        return descriptor.readlink()
    except FileNotFoundError:
        return None  # the descriptor of the listing itself
