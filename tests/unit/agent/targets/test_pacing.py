"""A burst passes, the average holds."""

import asyncio

from halo_agent.targets.halo.pacing import Pace
from tests.unit.agent.targets.support import HurriedClock


async def test_a_burst_of_a_minute_passes_without_waiting() -> None:
    clock = HurriedClock()
    pace = Pace(clock, per_minute=60)

    for _ in range(60):
        await pace.wait()

    assert clock.slept == []


async def test_five_minutes_see_no_more_than_six_minutes_worth() -> None:
    clock = HurriedClock()
    pace = Pace(clock, per_minute=50)
    start = clock.monotonic()

    for _ in range(50 + 250):
        await pace.wait()

    assert clock.monotonic() - start >= 300 - 0.001


async def test_those_who_wait_together_do_not_pass_together() -> None:
    clock = HurriedClock()
    pace = Pace(clock, per_minute=60)
    for _ in range(60):
        await pace.wait()

    await asyncio.gather(*(pace.wait() for _ in range(5)))

    assert sum(clock.slept) >= 5 - 0.001


async def test_a_rest_fills_no_more_than_the_bucket() -> None:
    clock = HurriedClock()
    pace = Pace(clock, per_minute=60)
    await clock.sleep(3600)
    clock.slept.clear()

    for _ in range(61):
        await pace.wait()

    assert len(clock.slept) == 1
