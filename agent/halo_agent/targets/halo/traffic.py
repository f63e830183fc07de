"""The road to Halo: one budget, not too many at once, and none while it is down."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from halo_agent.targets.halo.breaker import Breaker
from halo_agent.targets.halo.crowding import Crowd
from halo_agent.targets.halo.pacing import Budget, Pace, Tell
from halo_shared.clock import Clock


class Traffic:
    """What every request to one Halo instance passes through."""

    def __init__(self, clock: Clock, budget: Budget, tell: Tell) -> None:
        self._clock = clock
        self.pace = Pace(clock, budget, tell)
        self.crowd = Crowd(clock)
        self.breaker = Breaker(clock, tell)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[float]:
        """The turn of one request, and the moment at which it begins."""
        await self.pace.wait()
        async with self.crowd.entered():
            yield self._clock.monotonic()
