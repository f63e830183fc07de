"""Staying under a request limit without being told off, and slowing down at once where Halo does tell."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from halo_agent import metrics
from halo_shared.clock import Clock

Tell = Callable[[str], Awaitable[None]]
"""Says something to the people who watch the run."""

LEAST_SHARE: Final = 1 / 16
REGAINED: Final = 0.1
"""Of the slice, for each minute in which Halo did not complain."""
FIRST_REST: Final = 5.0
LONGEST_REST: Final = 60.0
"""Seconds in which nothing is asked after a 429 that does not say how long to wait."""


class Budget(Protocol):
    """How much may be asked: this attempt's slice, which the controller may change while it runs."""

    @property
    def requests_per_minute(self) -> int: ...


class Pace:
    """A bucket that holds a minute's worth of requests and fills steadily: bursts pass, the average holds.

    Each 429 halves the share of the slice that is used, and a tenth comes back with every quiet minute.
    """

    def __init__(self, clock: Clock, budget: Budget, tell: Tell) -> None:
        self._clock = clock
        self._budget = budget
        self._tell = tell
        self._share = 1.0
        self._complaints = 0
        """429s in a row."""
        self._told_off_at = float("-inf")
        self._not_before = float("-inf")
        self._left = float(budget.requests_per_minute)
        self._filled_at = clock.monotonic()
        self._turn = asyncio.Lock()

    @property
    def per_minute(self) -> float:
        """Requests that are made in a minute at most, as things are."""
        return self._budget.requests_per_minute * self._share

    async def wait(self) -> None:
        """Return when one more request may be made; in the order of asking."""
        asked_at = self._clock.monotonic()
        async with self._turn:
            while (rest := self._not_before - self._clock.monotonic()) > 0:
                await self._clock.sleep(rest)
            self._fill()
            if self._left < 1:
                await self._clock.sleep((1 - self._left) / self.per_minute * 60)
                self._fill()
            self._left -= 1
        metrics.waited(self._clock.monotonic() - asked_at)

    def answered(self) -> None:
        """Halo took a request."""
        self._complaints = 0

    async def told_off(self, asked_at: float, retry_after: float | None) -> None:
        """Halo asked for fewer requests when this one was made: rest, then go on at half the pace.

        Of the requests that were under way together, only the first says something new.
        """
        now = self._clock.monotonic()
        known = asked_at < self._told_off_at
        if not known:
            self._told_off_at = now
            self._complaints += 1
            self._share = max(LEAST_SHARE, self._share / 2)
        rest = min(LONGEST_REST, FIRST_REST * 2 ** (self._complaints - 1))
        # Never all agents at once; spreads requests, guards nothing.
        rest = (rest if retry_after is None else retry_after) + random.uniform(0, 1)  # noqa: S311
        if not known or retry_after is not None:
            self._not_before = max(self._not_before, now + rest)
        self._left = min(self._left, 1.0)
        if not known:
            asked = "as it asked" if retry_after is not None else "as it did not say how long"
            await self._tell(
                f"Halo asks for fewer requests: nothing is asked for {rest:.0f} seconds, {asked}, "
                f"then at most {self.per_minute:.1f} requests a minute of the {self._budget.requests_per_minute} allowed."
            )

    def _fill(self) -> None:
        now = self._clock.monotonic()
        passed = now - self._filled_at
        self._left = min(float(self._budget.requests_per_minute), self._left + passed * self.per_minute / 60)
        if now - self._told_off_at > 60:
            self._share = min(1.0, self._share + passed * REGAINED / 60)
        self._filled_at = now
