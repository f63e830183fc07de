"""Whether the centre hears: the ground on which it calls an agent silent."""

from datetime import timedelta

import pytest

from halo_controller.hearing import EVERY, JUMP, PROMPT, Hearing
from halo_shared.messages.codec import unseal
from halo_shared.messages.requests import REQUESTS, Echo
from halo_shared.topology import EXCHANGES, REQUESTS_QUEUE
from halo_shared.transport.memory import MemoryTransport
from tests.support.clock import SettableClock


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def transport() -> MemoryTransport:
    transport = MemoryTransport()
    await transport.declare(*EXCHANGES, REQUESTS_QUEUE)
    return transport


@pytest.fixture
def hearing(transport: MemoryTransport, clock: SettableClock) -> Hearing:
    return Hearing(transport, clock)


async def come_back(hearing: Hearing, transport: MemoryTransport) -> Echo:
    """Let what was said arrive."""
    async with transport.consume(REQUESTS_QUEUE, prefetch=1) as deliveries:
        delivery = await anext(aiter(deliveries))
        await delivery.done()
    echo = unseal(delivery.body, REQUESTS)
    assert isinstance(echo, Echo)
    hearing.heard(echo)
    return echo


async def hear(hearing: Hearing, transport: MemoryTransport, clock: SettableClock, times: int) -> None:
    for _ in range(times):
        await hearing.speak()
        await come_back(hearing, transport)
        clock.move(EVERY)


async def test_a_centre_that_heard_nothing_yet_is_deaf(hearing: Hearing) -> None:
    assert hearing.heard_for() == timedelta()


async def test_it_hears_for_as_long_as_echoes_come_back(
    hearing: Hearing, transport: MemoryTransport, clock: SettableClock
) -> None:
    await hear(hearing, transport, clock, 10)

    assert hearing.heard_for() == timedelta(seconds=10 * EVERY)


async def test_it_is_deaf_as_soon_as_they_stay_away_and_begins_anew_afterwards(
    hearing: Hearing, transport: MemoryTransport, clock: SettableClock
) -> None:
    await hear(hearing, transport, clock, 10)
    clock.move(PROMPT)
    assert hearing.heard_for() == timedelta()

    await hear(hearing, transport, clock, 2)

    assert hearing.heard_for() == timedelta(seconds=2 * EVERY)


async def test_an_echo_that_took_long_proves_that_agents_were_heard_late_too(
    hearing: Hearing, transport: MemoryTransport, clock: SettableClock
) -> None:
    await hear(hearing, transport, clock, 10)
    await hearing.speak()
    clock.move(PROMPT + 1)

    await come_back(hearing, transport)

    assert hearing.heard_for() == timedelta()


async def test_echoes_that_overtake_each_other_s_going_out_are_heard_while_each_is_prompt(
    hearing: Hearing, transport: MemoryTransport, clock: SettableClock
) -> None:
    """A busy centre hears itself after more than one word, and agents just as late."""
    await hearing.speak()
    clock.move(EVERY)
    await hearing.speak()
    clock.move(EVERY)
    for _ in range(10):
        await hearing.speak()
        await come_back(hearing, transport)
        clock.move(EVERY)

    assert hearing.heard_for() == timedelta(seconds=10 * EVERY)


@pytest.mark.parametrize("jump", [timedelta(hours=1), -timedelta(hours=1), JUMP * 1.1])
async def test_a_clock_that_was_set_makes_it_begin_anew(
    hearing: Hearing, transport: MemoryTransport, clock: SettableClock, jump: timedelta
) -> None:
    await hear(hearing, transport, clock, 10)

    clock.set_by = jump
    assert hearing.heard_for() == timedelta()

    await hear(hearing, transport, clock, 2)
    assert hearing.heard_for() == timedelta(seconds=2 * EVERY)


async def test_what_another_process_said_proves_nothing(
    hearing: Hearing, transport: MemoryTransport, clock: SettableClock
) -> None:
    await Hearing(transport, clock).speak()

    await come_back(hearing, transport)

    assert hearing.heard_for() == timedelta()


async def test_a_broker_that_is_away_ends_nothing(clock: SettableClock) -> None:
    await Hearing(MemoryTransport(), clock).speak()
