"""What is in the outbox reaches the broker, and leaves the outbox only then."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from halo_controller import publisher as publishing
from halo_controller import steering
from halo_controller.publisher import Publisher
from halo_controller.requests import ANSWER_LIFETIME
from halo_controller.store import outbox, runs
from halo_controller.store.outbox import Posting
from halo_shared.errors import BrokerUnavailable, ConfigurationError
from halo_shared.messages.codec import Envelope
from halo_shared.runs import RunStatus
from halo_shared.topology import (
    EXCHANGES,
    Address,
    agent_queue,
    jobs_queue,
    to_agent,
    to_group,
)
from halo_shared.transport.memory import MemoryTransport
from tests.support.builders import NOW, hello, lease_request
from tests.unit.controller.centre import Centre

QUICK = 0.5
"""Real seconds within which the publisher must have acted when it was woken; less than its idle time."""


class FlakyBroker(MemoryTransport):
    """The memory broker, with a line that a test can cut."""

    away = False

    async def publish(self, envelope: Envelope, to: Address) -> None:
        if self.away:
            raise BrokerUnavailable
        await super().publish(envelope, to)


async def put(centre: Centre, text: str, to: Address, *, run: str | None = None) -> None:
    async with centre.database.write() as db:
        await outbox.put(db, Posting(Envelope(text, "note", text.encode()), to, run))


@asynccontextmanager
async def at_work(publisher: Publisher) -> AsyncIterator[None]:
    loop = asyncio.create_task(publisher.run())
    yield
    loop.cancel()
    with suppress(asyncio.CancelledError):
        await loop


async def arrives(centre: Centre, name: str, text: str) -> None:
    """Return when this is the next that the agent hears."""
    async with asyncio.timeout(QUICK), centre.transport.consume(agent_queue(name), prefetch=1) as deliveries:
        assert (await anext(deliveries)).body == text.encode()


async def test_a_published_job_is_dispatched(centre: Centre) -> None:
    await centre.set_up("one")
    opened = await centre.open()

    assert await centre.publisher.publish_some()

    dispatched = await centre.run(opened.id)
    assert (dispatched.status, dispatched.dispatched_at) == (RunStatus.DISPATCHED, NOW)
    assert await centre.waiting() == []
    assert not await centre.publisher.publish_some()


async def test_all_is_kept_while_the_broker_is_away(centre: Centre) -> None:
    await centre.set_up("one")
    broker = FlakyBroker()
    await broker.declare(jobs_queue("site"))
    publisher = Publisher(centre.database, broker, centre.clock)
    opened = await centre.open()
    before = await centre.waiting()

    broker.away = True
    assert not await publisher.publish_some()
    assert await centre.waiting() == before
    assert (await centre.run(opened.id)).status is RunStatus.QUEUED


async def test_what_was_kept_is_sent_when_the_broker_is_back(centre: Centre) -> None:
    await centre.set_up("one")
    broker = FlakyBroker()
    publisher = Publisher(centre.database, broker, centre.clock)
    await put(centre, "hello", to_agent("one"))
    broker.away = True
    await publisher.publish_some()

    broker.away = False
    assert await publisher.publish_some()

    assert await centre.waiting() == []


async def test_an_unroutable_job_waits_for_its_queue(centre: Centre) -> None:
    await centre.set_up("one")
    await put(centre, "job", to_group("late"), run="0123456789ab")

    assert not await centre.publisher.publish_some()
    assert [one.envelope.id for one in await centre.waiting()] == ["job"]

    await centre.transport.declare(jobs_queue("late"))
    assert await centre.publisher.publish_some()
    assert await centre.waiting() == []
    assert await centre.transport.depth(jobs_queue("late")) == 1


async def test_an_answer_that_nobody_can_hear_is_dropped(centre: Centre) -> None:
    await centre.set_up()
    await put(centre, "answer", to_agent("gone"))

    assert await centre.publisher.publish_some()

    assert await centre.waiting() == []


async def test_an_answer_that_nobody_waits_for_any_more_is_dropped_and_counted(centre: Centre) -> None:
    await centre.set_up("one", "two")
    await centre.answerer.answer(hello("one"))
    centre.clock.move(ANSWER_LIFETIME)
    await centre.answerer.answer(hello("two"))
    centre.clock.move(timedelta(seconds=1))
    late = len(await centre.waiting()) // 2

    with capture_logs() as lines:
        assert await centre.publisher.publish_some()

    assert (await centre.heard("one"), len(await centre.heard("two"))) == ([], late)
    assert await centre.waiting() == []
    assert [(line["event"], line["messages"]) for line in lines] == [("answers_too_late", late)]


async def test_an_offer_that_nobody_can_hear_leaves_its_run_to_the_group(centre: Centre) -> None:
    await centre.set_up("one")
    opened = await centre.open()
    await centre.publisher.publish_some()
    centre.clock.move(timedelta(seconds=1))
    await put(centre, "offer", to_agent("gone"), run=opened.id)

    assert await centre.publisher.publish_some()

    assert await centre.waiting() == []
    run = await centre.run(opened.id)
    assert (run.status, run.dispatched_at) == (RunStatus.DISPATCHED, centre.clock.now())


async def test_an_unroutable_job_of_a_run_that_has_ended_is_dropped(centre: Centre) -> None:
    await centre.set_up("one")
    opened = await centre.open()
    await centre.publisher.publish_some()
    await put(centre, "job", to_group("late"), run=opened.id)
    await centre.publisher.publish_some()
    assert [one.envelope.id for one in await centre.waiting()] == ["job"]

    async with centre.database.write() as db:
        await steering.cancel(db, await centre.run(opened.id), "not wanted", NOW)
    await centre.publisher.publish_some()

    assert await centre.waiting() == []
    assert (await centre.run(opened.id)).status is RunStatus.CANCELLED


async def test_what_the_broker_does_not_take_holds_nobody_up_and_is_told_once(centre: Centre) -> None:
    class ParticularBroker(MemoryTransport):
        """The memory broker, with one message that it does not like."""

        async def publish(self, envelope: Envelope, to: Address) -> None:
            if envelope.id == "too large":
                raise ConfigurationError("It is too large.")
            await super().publish(envelope, to)

    await centre.set_up("one")
    broker = ParticularBroker()
    await broker.declare(*EXCHANGES, agent_queue("one"))
    publisher = Publisher(centre.database, broker, centre.clock)
    await put(centre, "too large", to_agent("one"))
    await put(centre, "small", to_agent("one"))

    with capture_logs() as lines:
        assert await publisher.publish_some()
        assert not await publisher.publish_some()

    assert await broker.depth(agent_queue("one")) == 1
    assert [one.envelope.id for one in await centre.waiting()] == ["too large"]
    assert [(line["event"], line["why"]) for line in lines] == [("publish_refused", "It is too large.")]


async def test_stuck_jobs_hold_nobody_up(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "BATCH", 2)
    await centre.set_up("one")
    for number in range(5):
        await put(centre, f"stuck {number}", to_group("late"), run=f"00000000000{number}")
    await put(centre, "answer", to_agent("one"))

    assert await centre.publisher.publish_some()

    assert await centre.transport.depth(agent_queue("one")) == 1
    assert [one.envelope.id for one in await centre.waiting()] == [f"stuck {number}" for number in range(5)]


async def test_messages_leave_in_the_order_in_which_they_were_put(centre: Centre) -> None:
    await centre.set_up("one")
    for number in range(10):
        await put(centre, str(number), to_agent("one"))

    await centre.publisher.publish_some()

    async with centre.transport.consume(agent_queue("one"), prefetch=10) as deliveries:
        bodies = [(await anext(deliveries)).body for _ in range(10)]
    assert bodies == [str(number).encode() for number in range(10)]


async def test_an_agent_that_is_quicker_than_the_confirmation_goes_on_running(centre: Centre) -> None:
    await centre.set_up("one")
    opened = await centre.open()
    await centre.answerer.answer(hello())
    await centre.answerer.answer(lease_request(opened.id))

    await centre.publisher.publish_some()

    assert (await centre.run(opened.id)).status is RunStatus.RUNNING


async def test_a_confirmation_changes_nothing_of_a_run_that_has_ended(centre: Centre) -> None:
    await centre.set_up("one")
    opened = await centre.open()
    ended = opened.model_copy(update={"status": RunStatus.CANCELLED, "ended_at": NOW})
    async with centre.database.write() as db:
        await runs.save(db, ended)

    await centre.publisher.publish_some()

    assert await centre.run(opened.id) == ended
    assert await centre.waiting() == []


async def test_it_publishes_at_once_when_woken(centre: Centre) -> None:
    await centre.set_up("one")
    async with at_work(centre.publisher):
        await asyncio.sleep(0.1)  # it finds nothing, and waits
        await put(centre, "news", to_agent("one"))
        centre.publisher.wake()
        await arrives(centre, "one", "news")


async def test_it_looks_by_itself_when_nobody_wakes_it(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "IDLE", 0.05)
    await centre.set_up("one")
    async with at_work(centre.publisher):
        await asyncio.sleep(0.1)
        await put(centre, "news", to_agent("one"))
        await arrives(centre, "one", "news")
