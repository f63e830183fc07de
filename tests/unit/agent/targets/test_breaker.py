"""Halo is left alone while it is down, tried with one question, and said to be back."""

import asyncio

import pytest

from halo_agent.targets.halo.breaker import OPENS_AT, PATIENCE, Breaker
from halo_shared.errors import TargetUnavailable
from tests.unit.agent.targets.support import Ear, HurriedClock

DOWN = TargetUnavailable("Halo answers 503.")


class Probe:
    """A Halo that comes back after so many questions."""

    def __init__(self, back_after: int = 0) -> None:
        self.asked = 0
        self._back_after = back_after

    async def __call__(self) -> None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.asked <= self._back_after:
            raise DOWN


@pytest.fixture
def clock() -> HurriedClock:
    return HurriedClock()


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def breaker(clock: HurriedClock, ear: Ear) -> Breaker:
    return Breaker(clock, ear)


async def open_it(breaker: Breaker) -> None:
    for _ in range(OPENS_AT):
        await breaker.failed(DOWN)


async def test_a_failure_now_and_then_opens_nothing(breaker: Breaker, clock: HurriedClock, ear: Ear) -> None:
    for _ in range(10):
        for _ in range(OPENS_AT - 1):
            await breaker.failed(DOWN)
        breaker.answered()
        await breaker.ready(Probe())

    assert (clock.slept, ear.heard) == ([], [])


async def test_one_question_decides_for_all_who_wait(breaker: Breaker, ear: Ear) -> None:
    await open_it(breaker)
    probe = Probe()

    await asyncio.gather(*(breaker.ready(probe) for _ in range(8)))

    assert probe.asked == 1
    assert "5 requests in a row failed; the last: Halo answers 503." in ear.heard[0]
    assert ear.heard[1:] == ["Halo answers again after 10 seconds; the run goes on."]


async def test_it_rests_longer_between_questions_and_ends_when_halo_is_back(
    breaker: Breaker, clock: HurriedClock
) -> None:
    await open_it(breaker)

    await breaker.ready(Probe(back_after=3))
    await breaker.ready(Probe())

    assert clock.slept == [10, 20, 40, 80]


async def test_patience_ends(breaker: Breaker, clock: HurriedClock, ear: Ear) -> None:
    await open_it(breaker)

    with pytest.raises(TargetUnavailable, match=r"not answered for \d+ minutes. Halo answers 503"):
        await breaker.ready(Probe(back_after=1_000))

    assert PATIENCE <= sum(clock.slept) <= PATIENCE + 240
    assert len(ear.heard) == 1
