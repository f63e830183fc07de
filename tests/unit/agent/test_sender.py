"""From the outbox to the broker, and nothing lost between."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from halo_agent.sender import BATCH, PAUSE, Sender
from halo_agent.store.outbox import Outbox, open_outbox
from halo_shared.clock import SystemClock
from halo_shared.errors import (
    BrokerUnavailable,
    ConfigurationError,
    CredentialRefused,
    HaloIntegratorError,
    PermissionMissing,
    Unroutable,
)
from halo_shared.messages.codec import Envelope
from halo_shared.messages.events import Event
from halo_shared.topology import EVENTS_QUEUE, EXCHANGES, Address
from halo_shared.transport.memory import MemoryTransport
from tests.support.builders import Attempted, logged
from tests.support.clock import ManualClock, eventually
from tests.support.controller_double import ControllerDouble

RUN = Attempted()


class FlakyBroker(MemoryTransport):
    """A broker that is away when a test says so, or that does not confirm a certain event."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.unconfirmed: set[str] = set()
        self.refused: dict[str, HaloIntegratorError] = {}

    async def publish(self, envelope: Envelope, to: Address) -> None:
        if self.away:
            raise BrokerUnavailable
        if error := self.refused.get(envelope.id):
            raise error
        await super().publish(envelope, to)
        if envelope.id in self.unconfirmed:
            self.unconfirmed.remove(envelope.id)
            raise BrokerUnavailable("No confirmation came.")


@pytest.fixture
async def broker() -> FlakyBroker:
    broker = FlakyBroker()
    await broker.declare(*EXCHANGES, EVENTS_QUEUE)
    return broker


@pytest.fixture
async def sending(outbox: Outbox, broker: FlakyBroker, clock: ManualClock) -> AsyncIterator[None]:
    """The sender at work."""
    task = asyncio.create_task(Sender(outbox, broker, clock).run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def put(outbox: Outbox, count: int) -> list[Event]:
    events: list[Event] = [logged(RUN, str(number)) for number in range(count)]
    for event in events:
        await outbox.put(event)
    return events


async def arrived(broker: FlakyBroker, count: int) -> list[str]:
    """The ids of so many events, in the order in which the broker has them."""
    async with broker.consume(EVENTS_QUEUE, prefetch=count) as deliveries:
        found = [await anext(deliveries) for _ in range(count)]
        for delivery in found:
            await delivery.done()
    return [delivery.stored.envelope.id for delivery in found]  # type: ignore[attr-defined]  # a MemoryDelivery


@pytest.mark.usefixtures("sending")
async def test_events_arrive_in_their_order_and_leave_the_outbox(outbox: Outbox, broker: FlakyBroker) -> None:
    events = await put(outbox, BATCH + 30)
    await eventually(lambda: outbox.waiting == 0)

    assert await arrived(broker, len(events)) == [str(event.id) for event in events]


@pytest.mark.usefixtures("sending")
async def test_what_comes_later_is_sent_too(outbox: Outbox, broker: FlakyBroker) -> None:
    await put(outbox, 1)
    await eventually(lambda: outbox.waiting == 0)
    await put(outbox, 2)
    await eventually(lambda: outbox.waiting == 0)

    assert await broker.depth(EVENTS_QUEUE) == 3


@pytest.mark.usefixtures("sending")
async def test_while_the_broker_is_away_events_wait_and_are_tried_again(
    outbox: Outbox, broker: FlakyBroker, clock: ManualClock
) -> None:
    broker.away = True
    events = await put(outbox, 3)
    await clock.asleep()
    assert outbox.waiting == 3
    broker.away = False
    clock.move(PAUSE)
    await eventually(lambda: outbox.waiting == 0)

    assert await arrived(broker, 3) == [str(event.id) for event in events]


async def test_an_event_without_a_confirmation_stays_with_all_behind_it_and_they_may_arrive_twice(
    outbox: Outbox, broker: FlakyBroker, clock: ManualClock
) -> None:
    events = await put(outbox, 3)
    first, second, third = (str(event.id) for event in events)
    broker.unconfirmed.add(second)
    sending = asyncio.create_task(Sender(outbox, broker, clock).run())
    await clock.asleep()
    assert [one.envelope.id for one in await outbox.oldest(9)] == [second, third]
    clock.move(PAUSE)
    await eventually(lambda: outbox.waiting == 0)

    sending.cancel()
    assert await arrived(broker, 5) == [first, second, third, second, third]


@pytest.mark.usefixtures("sending")
async def test_an_event_that_is_refused_for_its_own_sake_is_dropped_and_counted(
    outbox: Outbox, broker: FlakyBroker
) -> None:
    events = [logged(RUN, str(number)) for number in range(3)]
    broker.refused[str(events[1].id)] = ConfigurationError("It is too large.")
    for event in events:
        await outbox.put(event)
    await eventually(lambda: outbox.waiting == 0)

    assert await arrived(broker, 2) == [str(events[0].id), str(events[2].id)]
    assert outbox.dropped == 1


@pytest.mark.parametrize("error", [CredentialRefused(), PermissionMissing(), Unroutable()])
async def test_a_broker_that_refuses_everything_costs_no_event(
    outbox: Outbox, broker: FlakyBroker, clock: ManualClock, error: HaloIntegratorError
) -> None:
    (event,) = await put(outbox, 1)
    broker.refused[str(event.id)] = error
    sending = asyncio.create_task(Sender(outbox, broker, clock).run())
    await clock.asleep()
    assert (outbox.waiting, outbox.dropped) == (1, 0)
    broker.refused.clear()
    clock.move(PAUSE)
    await eventually(lambda: outbox.waiting == 0)

    sending.cancel()


async def test_what_an_earlier_process_left_is_sent(tmp_path: Path, broker: FlakyBroker) -> None:
    async with open_outbox(tmp_path / "left.db", limit=10) as outbox:
        await put(outbox, 2)
    async with open_outbox(tmp_path / "left.db", limit=10) as outbox:
        task = asyncio.create_task(Sender(outbox, broker, SystemClock()).run())
        await eventually(lambda: outbox.waiting == 0)
        task.cancel()

    assert await broker.depth(EVENTS_QUEUE) == 2


async def test_the_last_events_are_sent_before_the_end(
    outbox: Outbox, controller: ControllerDouble, transport: MemoryTransport
) -> None:
    await put(outbox, 250)

    await Sender(outbox, transport, SystemClock()).drain(5)

    await eventually(lambda: len(controller.events) == 250)
    assert outbox.waiting == 0


async def test_what_cannot_be_sent_in_time_is_kept(outbox: Outbox, broker: FlakyBroker) -> None:
    broker.away = True
    await put(outbox, 2)

    await Sender(outbox, broker, SystemClock()).drain(0.05)

    assert outbox.waiting == 2
