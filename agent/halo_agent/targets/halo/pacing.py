"""Staying under a request limit without being told off first."""

import asyncio

from halo_shared.clock import Clock


class Pace:
    """A bucket that holds a minute's worth of requests and fills steadily: bursts pass, the average holds."""

    def __init__(self, clock: Clock, *, per_minute: int) -> None:
        self._clock = clock
        self._per_second = per_minute / 60
        self._capacity = float(per_minute)
        self._left = self._capacity
        self._filled_at = clock.monotonic()
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Return when one more request may be made; in the order of asking."""
        async with self._turn:
            self._fill()
            if self._left < 1:
                await self._clock.sleep((1 - self._left) / self._per_second)
                self._fill()
            self._left -= 1

    def _fill(self) -> None:
        now = self._clock.monotonic()
        self._left = min(self._capacity, self._left + (now - self._filled_at) * self._per_second)
        self._filled_at = now
