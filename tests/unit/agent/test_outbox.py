"""Events on disk until the broker has them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from halo_agent.store import outbox as module
from halo_agent.store.outbox import Outbox, open_outbox
from halo_shared.errors import RecordRefused
from halo_shared.messages.base import Failure
from halo_shared.messages.events import Event, Level, Logged, RecordEvent, Started
from halo_shared.redaction import Redactor
from halo_shared.runs import Mode
from halo_shared.topology import to_monitors
from tests.support import builders
from tests.support.agent import spooled
from tests.support.disk import small_disk
from tests.support.engine import USERS
from tests.support.services import needed

RUN = builders.Attempted()


def numbered(number: int) -> Event:
    return builders.logged(RUN, str(number))


def started() -> Event:
    origin, text = builders.origin(RUN), "It began."
    return Started(
        id=uuid4(),
        at=builders.NOW,
        origin=origin,
        seq=1,
        level=Level.INFO,
        text=text,
        connector="ldap",
        mode=Mode.FULL,
        attempt=1,
    )


def refused() -> Event:
    failure = Failure.of(RecordRefused("No."), Redactor())
    return RecordEvent(
        id=uuid4(),
        at=builders.NOW,
        origin=builders.origin(RUN),
        seq=2,
        level=Level.ERROR,
        text="No.",
        entity=USERS,
        source_id="a-1",
        name="Anna",
        outcome="failed",
        failure=failure,
    )


def quiet(level: Level) -> Event:
    return builders.logged(RUN).model_copy(update={"level": level})


async def texts(outbox: Outbox) -> list[str]:
    return [event.text for event in await spooled(outbox)]


async def test_events_wait_in_the_order_in_which_they_came_each_with_its_address(outbox: Outbox) -> None:
    events = [numbered(number) for number in range(5)]
    for event in events:
        await outbox.put(event)

    waiting = await outbox.oldest(3)

    assert [one.envelope.id for one in waiting] == [str(event.id) for event in events[:3]]
    assert {one.to for one in waiting} == {to_monitors(events[0])}
    assert await spooled(outbox) == events
    assert outbox.waiting == 5


async def test_what_is_dropped_is_gone_and_nothing_else(outbox: Outbox) -> None:
    for number in range(4):
        await outbox.put(numbered(number))
    waiting = await outbox.oldest(4)

    await outbox.drop([waiting[0], waiting[2]])
    await outbox.drop([])

    assert await texts(outbox) == ["1", "3"]
    assert outbox.waiting == 2


async def test_events_survive_a_restart_in_their_order(tmp_path: Path) -> None:
    async with open_outbox(tmp_path / "spool.db", limit=10) as outbox:
        for number in range(3):
            await outbox.put(numbered(number))
        await outbox.drop(await outbox.oldest(1))

    async with open_outbox(tmp_path / "spool.db", limit=10) as reopened:
        async with asyncio.timeout(1):
            await reopened.news()
        await reopened.put(numbered(3))
        assert await texts(reopened) == ["1", "2", "3"]
        assert reopened.waiting == 3


async def test_there_is_no_news_of_an_empty_outbox(outbox: Outbox) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await outbox.news()

    await outbox.put(numbered(1))
    async with asyncio.timeout(1):
        await outbox.news()


@pytest.mark.parametrize(
    ("quieter", "louder"),
    [
        (lambda: builders.progress(RUN), lambda: numbered(1)),
        (lambda: quiet(Level.DEBUG), lambda: quiet(Level.INFO)),
        (lambda: quiet(Level.INFO), refused),
        (lambda: quiet(Level.INFO), lambda: quiet(Level.WARNING)),
        (refused, started),
        (refused, lambda: builders.finished(RUN)),
    ],
    ids=[
        "progress",
        "debug",
        "info before errors",
        "info before warnings",
        "errors",
        "errors before the end",
    ],
)
@pytest.mark.parametrize("in_this_order", [True, False])
async def test_when_it_is_full_the_least_telling_gives_way(
    tmp_path: Path, quieter: Callable[[], Event], louder: Callable[[], Event], in_this_order: bool
) -> None:
    pair = [quieter(), louder()]
    async with open_outbox(tmp_path / "spool.db", limit=1) as outbox:
        for event in pair if in_this_order else pair[::-1]:
            await outbox.put(event)

        assert await spooled(outbox) == [pair[1]]
        assert (outbox.waiting, outbox.dropped) == (1, 1)


async def test_of_two_alike_the_older_gives_way(tmp_path: Path) -> None:
    async with open_outbox(tmp_path / "spool.db", limit=2) as outbox:
        for number in range(5):
            await outbox.put(numbered(number))

        assert await texts(outbox) == ["3", "4"]
        assert (outbox.waiting, outbox.dropped) == (2, 3)


async def test_what_gave_way_while_it_was_sent_is_not_counted_twice(tmp_path: Path) -> None:
    async with open_outbox(tmp_path / "spool.db", limit=2) as outbox:
        await outbox.put(numbered(0))
        await outbox.put(numbered(1))
        under_way = await outbox.oldest(2)
        await outbox.put(numbered(2))

        await outbox.drop(under_way)

        assert await texts(outbox) == ["2"]
        assert outbox.waiting == 1


@pytest.mark.parametrize("steps", range(12))
async def test_a_put_that_is_cancelled_anywhere_is_done_or_not_begun(outbox: Outbox, steps: int) -> None:
    putting = asyncio.create_task(outbox.put(numbered(1)))
    for _ in range(steps):
        await asyncio.sleep(0)
    putting.cancel()
    await asyncio.gather(putting, return_exceptions=True)
    await outbox.put(numbered(2))

    assert outbox.waiting == len(await spooled(outbox))
    assert (await texts(outbox))[-1] == "2"


async def test_many_hands_may_put_at_once(outbox: Outbox) -> None:
    await asyncio.gather(*(outbox.put(numbered(number)) for number in range(50)))

    assert outbox.waiting == len(await spooled(outbox)) == 50


async def test_dropping_is_said_the_first_time_and_then_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[int] = []
    monkeypatch.setattr(module.log, "warning", lambda _, dropped, limit: said.append(dropped))
    async with open_outbox(tmp_path / "spool.db", limit=1) as outbox:
        for number in range(4):
            await outbox.put(numbered(number))

    assert said == [1]


async def test_what_gave_way_is_told_of_each_attempt_once_there_is_room(tmp_path: Path) -> None:
    other = builders.Attempted(id="0000000000ff", fence=7)
    async with open_outbox(tmp_path / "spool.db", limit=4) as outbox:
        for number in range(6):
            await outbox.put(numbered(number))
        for number in range(5):
            await outbox.put(builders.logged(other, str(number)))
        await outbox.drop(await outbox.oldest(2))
        assert all(isinstance(event, Logged) and event.text.isdigit() for event in await spooled(outbox))

        await outbox.drop(await outbox.oldest(1))

        told = {event.origin: event.text for event in await spooled(outbox) if not event.text.isdigit()}
    assert told == {
        builders.origin(
            RUN
        ): "6 events of this attempt are lost: agent one had no room left, or the broker refused them.",
        builders.origin(
            other
        ): "1 event of this attempt is lost: agent one had no room left, or the broker refused them.",
    }


async def fill_disk(outbox: Outbox) -> None:
    """Let SQLite find no room for another page; what fits on the last one may still be written."""
    await outbox._db.execute("PRAGMA max_page_count = 1")
    while not outbox._unstored:
        await outbox.put(numbered(0))
    await outbox.drop(await outbox.oldest(1_000))


async def make_room(outbox: Outbox) -> None:
    await outbox._db.execute("PRAGMA max_page_count = 1000000")


@pytest.fixture
async def on_full_disk(tmp_path: Path) -> AsyncIterator[Outbox]:
    async with open_outbox(tmp_path / "full.db", limit=1000) as outbox:
        await fill_disk(outbox)
        for number in range(1, 4):
            # Longer than a page, so that no page which became free is enough.
            await outbox.put(builders.logged(RUN, str(number) * 10_000))
        yield outbox


async def test_what_the_full_disk_has_no_room_for_is_sent_all_the_same(on_full_disk: Outbox) -> None:
    assert [text[0] for text in await texts(on_full_disk)] == ["1", "2", "3"]
    assert on_full_disk.waiting == 3

    await on_full_disk.drop(await on_full_disk.oldest(2))

    assert [text[0] for text in await texts(on_full_disk)] == ["3"]
    assert (on_full_disk.waiting, on_full_disk.dropped) == (1, 0)


async def test_with_room_again_all_is_on_disk_in_its_order(on_full_disk: Outbox, tmp_path: Path) -> None:
    await make_room(on_full_disk)
    await on_full_disk.put(numbered(4))

    async with open_outbox(tmp_path / "full.db", limit=1000) as reopened:
        assert [text[0] for text in await texts(reopened)] == ["1", "2", "3", "4"]
        assert reopened.waiting == on_full_disk.waiting == 4


async def test_memory_is_no_second_disk_and_states_are_kept_longest(
    on_full_disk: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 3)
    end = builders.finished(RUN).model_copy(update={"text": "e" * 10_000})

    await on_full_disk.put(end)
    for number in range(4, 7):
        await on_full_disk.put(builders.logged(RUN, str(number) * 10_000))

    assert [text[0] for text in await texts(on_full_disk)] == ["e", "5", "6"]
    assert on_full_disk.dropped == 4


async def test_what_was_sent_and_the_full_disk_does_not_let_go_is_not_sent_again(tmp_path: Path) -> None:
    with needed(), small_disk(tmp_path / "disk") as disk:
        async with open_outbox(disk.folder / "spool.db", limit=1000) as outbox:
            for number in range(3):
                await outbox.put(numbered(number))
            disk.fill()
            await outbox.drop(await outbox.oldest(2))
            assert outbox._sent, "it could be written"
            assert await texts(outbox) == ["2"]
            assert outbox.waiting == 1

            disk.make_room()
            await outbox.drop([])
            assert outbox._sent == set()
            assert await texts(outbox) == ["2"]
            assert outbox.waiting == 1


async def test_nothing_is_handed_out_that_a_full_disk_takes_back(tmp_path: Path) -> None:
    """Else another event gets the place of one that was sent, and is taken for sent itself."""
    handed_out: set[tuple[int, str]] = set()

    async with open_outbox(tmp_path / "spool.db", limit=10_000) as outbox:

        async def look() -> None:
            for _ in range(20):
                handed_out.update((one.id, one.envelope.id) for one in await outbox.oldest(500) if one.id)

        (pages,) = next(iter(await outbox._db.execute_fetchall("PRAGMA page_count")))
        await outbox._db.execute(f"PRAGMA max_page_count = {pages + 3}")
        for number in range(50):
            await outbox.put(builders.logged(RUN, f"{number} {'x' * 500}"))
        await outbox.drop(await outbox.oldest(8))  # room for some of what is in memory, and not for all
        await asyncio.gather(outbox.put(numbered(50)), look())
        kept = set(await outbox._db.execute_fetchall("SELECT id, message_id FROM spool"))

    assert handed_out
    assert handed_out <= kept


async def test_what_gave_way_is_told_after_a_restart(tmp_path: Path) -> None:
    async with open_outbox(tmp_path / "spool.db", limit=4) as outbox:
        for number in range(6):
            await outbox.put(numbered(number))

    async with open_outbox(tmp_path / "spool.db", limit=4) as reopened:
        assert await texts(reopened) == [
            *("2", "3", "4", "5"),
            "2 events of this attempt are lost: agent one had no room left, or the broker refused them.",
        ]


async def test_events_of_several_attempts_that_are_refused_at_once_are_each_told_of(tmp_path: Path) -> None:
    other = builders.Attempted(id="ba9876543210")
    async with open_outbox(tmp_path / "spool.db", limit=10) as outbox:
        await outbox.put(numbered(1))
        await outbox.put(builders.logged(other, "2"))

        await asyncio.gather(*(outbox.give_up(one) for one in await outbox.oldest(2)))

        told = await spooled(outbox)

    assert {event.origin.run for event in told} == {RUN.id, other.id}
    assert all(event.text.startswith("1 event of this attempt is lost") for event in told)
