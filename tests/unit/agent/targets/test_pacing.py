"""A burst passes, the average holds."""

import asyncio

from halo_agent.targets.halo.pacing import Pace
from tests.unit.agent.targets.support import Ear, HurriedClock, Slice


async def test_a_burst_of_a_minute_passes_without_waiting() -> None:
    clock = HurriedClock()
    pace = Pace(clock, Slice(60), Ear())

    for _ in range(60):
        await pace.wait()

    assert clock.slept == []


async def test_five_minutes_see_no_more_than_six_minutes_worth() -> None:
    clock = HurriedClock()
    pace = Pace(clock, Slice(50), Ear())
    start = clock.monotonic()

    for _ in range(50 + 250):
        await pace.wait()

    assert clock.monotonic() - start >= 300 - 0.001


async def test_those_who_wait_together_do_not_pass_together() -> None:
    clock = HurriedClock()
    pace = Pace(clock, Slice(60), Ear())
    for _ in range(60):
        await pace.wait()

    await asyncio.gather(*(pace.wait() for _ in range(5)))

    assert sum(clock.slept) >= 5 - 0.001


async def test_a_rest_fills_no_more_than_the_bucket() -> None:
    clock = HurriedClock()
    pace = Pace(clock, Slice(60), Ear())
    await clock.sleep(3600)
    clock.slept.clear()

    for _ in range(61):
        await pace.wait()

    assert len(clock.slept) == 1


async def test_a_new_slice_counts_from_the_next_request() -> None:
    clock, slice_ = HurriedClock(), Slice(60)
    pace = Pace(clock, slice_, Ear())
    for _ in range(60):
        await pace.wait()
    slice_.requests_per_minute = 6
    start = clock.monotonic()

    for _ in range(6):
        await pace.wait()

    assert clock.monotonic() - start >= 60 - 0.001


async def test_a_smaller_slice_takes_what_was_saved_up() -> None:
    clock, slice_ = HurriedClock(), Slice(60)
    pace = Pace(clock, slice_, Ear())
    slice_.requests_per_minute = 10
    start = clock.monotonic()

    for _ in range(20):
        await pace.wait()

    assert clock.monotonic() - start >= 60 - 0.001


async def test_a_429_halves_the_pace_once_for_all_that_were_under_way_and_a_tenth_comes_back_a_minute() -> (
    None
):
    clock, ear = HurriedClock(), Ear()
    pace = Pace(clock, Slice(60), ear)
    asked_at = clock.monotonic()
    await clock.sleep(1)

    await asyncio.gather(*(pace.told_off(asked_at, 30) for _ in range(4)))

    assert pace.per_minute == 30
    (heard,) = ear.heard
    assert "as it asked, then at most 30.0 requests a minute of the 60 allowed." in heard
    await pace.wait()
    assert clock.monotonic() >= asked_at + 31
    await clock.sleep(60)
    await pace.wait()
    await clock.sleep(60)
    await pace.wait()
    assert 36 <= pace.per_minute <= 45
    for _ in range(20):
        await clock.sleep(60)
        await pace.wait()
    assert pace.per_minute == 60


async def test_complaint_after_complaint_rests_longer_and_never_stops() -> None:
    clock = HurriedClock()
    pace = Pace(clock, Slice(16), Ear())
    rests = []

    for _ in range(10):
        await pace.wait()
        asked_at = clock.monotonic()
        await pace.told_off(asked_at, None)
        rests.append(pace._not_before - asked_at)

    assert all(5 <= rest <= 61 for rest in rests)
    assert rests[0] < 7 < rests[1] < 12
    assert 1 <= pace.per_minute < 2
