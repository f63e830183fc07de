"""How many requests are under way at once: fewer while Halo gets slower, more again while it is quick."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from halo_shared import logs
from halo_shared.clock import Clock

log = logs.get(__name__)

MOST: Final = 8
FIRST: Final = 4
SLOW: Final = 2.0
"""An answer that takes this many times as long as usual is slow ..."""
NOTICED: Final = 1.0
"""... unless it took less than these seconds."""
_WEIGHT: Final = 0.1
"""Of the newest answer in the average."""


class Crowd:
    """Lets so many in at once. One more after as many quick answers, half as many when answers get slow."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._inside = 0
        self._quick = 0
        self._usual: float | None = None
        self._average: float | None = None
        self._changed = asyncio.Event()
        self.limit = FIRST
        """How many requests may be under way now."""

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """Inside while the block runs; its duration is Halo's latency, unless it fails."""
        while self._inside >= self.limit:
            await self._changed.wait()
        self._inside += 1
        began = self._clock.monotonic()
        try:
            yield
            self._answered(self._clock.monotonic() - began)
        finally:
            self._inside -= 1
            self._note()

    def thin_out(self, why: str) -> None:
        """Halve the number: Halo has too much to do."""
        self._quick = 0
        self._average = self._usual
        if self.limit > 1:
            self.limit //= 2
            log.info("fewer_at_once", limit=self.limit, why=why)

    def _answered(self, seconds: float) -> None:
        average = seconds if self._average is None else self._average + _WEIGHT * (seconds - self._average)
        self._average = average
        self._usual = average if self._usual is None else min(self._usual, average)
        if average > max(NOTICED, SLOW * self._usual):
            self.thin_out(f"answers take {average:.1f} s, usually {self._usual:.1f} s")
            return
        self._quick += 1
        if self._quick >= 2 * self.limit and self.limit < MOST:
            self._quick = 0
            self.limit += 1
            self._note()

    def _note(self) -> None:
        """Let all who wait look again."""
        self._changed.set()
        self._changed = asyncio.Event()
