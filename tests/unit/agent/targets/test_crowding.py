"""Fewer at once while Halo gets slower, more again while it is quick."""

import asyncio

from halo_agent.targets.halo.crowding import FIRST, MOST, Crowd
from tests.unit.agent.targets.support import HurriedClock


async def ask(crowd: Crowd, clock: HurriedClock, seconds: float, times: int = 1) -> None:
    for _ in range(times):
        async with crowd.entered():
            await clock.sleep(seconds)


async def test_quick_answers_let_more_in_up_to_a_limit() -> None:
    clock = HurriedClock()
    crowd = Crowd(clock)

    await ask(crowd, clock, 0.2, times=200)

    assert crowd.limit == MOST


async def test_answers_that_get_slow_halve_it_down_to_one() -> None:
    clock = HurriedClock()
    crowd = Crowd(clock)
    await ask(crowd, clock, 0.5, times=20)
    before = crowd.limit

    await ask(crowd, clock, 5, times=2)
    assert crowd.limit == before // 2

    await ask(crowd, clock, 5, times=30)
    assert crowd.limit == 1


async def test_a_halo_that_was_always_slow_is_not_slow() -> None:
    clock = HurriedClock()
    crowd = Crowd(clock)

    await ask(crowd, clock, 5, times=100)

    assert crowd.limit == MOST


async def test_no_more_are_inside_than_the_limit_says_and_a_cancelled_one_leaves_its_place() -> None:
    crowd = Crowd(HurriedClock())
    inside, most = 0, 0
    go_on = asyncio.Event()

    async def visit() -> None:
        nonlocal inside, most
        async with crowd.entered():
            inside += 1
            most = max(most, inside)
            await go_on.wait()
            inside -= 1

    visits = [asyncio.create_task(visit()) for _ in range(20)]
    await asyncio.sleep(0)
    assert inside == FIRST
    visits[0].cancel()
    visits[10].cancel()
    go_on.set()
    await asyncio.gather(*visits, return_exceptions=True)

    assert most <= MOST
    assert crowd._inside == 0
