"""Leaving Halo alone while it is down: opens, tries with a single question, closes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from halo_agent.targets.halo.errors import StayedAway
from halo_agent.targets.halo.pacing import Tell
from halo_shared.clock import Clock
from halo_shared.errors import TargetUnavailable

OPENS_AT: Final = 5
"""Failures in a row, of whatever requests."""
FIRST_REST: Final = 10.0
LONGEST_REST: Final = 120.0
PATIENCE: Final = 600.0
"""Seconds after which a run no longer waits for Halo to come back; the next run tries again."""

Probe = Callable[[], Awaitable[None]]
"""Asks Halo something harmless, once; raises TargetUnavailable while it is down."""


class Breaker:
    """Closed while Halo answers; open while it does not, when all requests wait for one that tries."""

    def __init__(self, clock: Clock, tell: Tell) -> None:
        self._clock = clock
        self._tell = tell
        self._failures = 0
        self._why = ""
        self._open_since: float | None = None
        self._rest = FIRST_REST
        self._trying = asyncio.Lock()

    async def ready(self, probe: Probe) -> None:
        """Return once Halo may be asked; raises StayedAway when it was away for too long."""
        if self._open_since is None:
            return
        async with self._trying:
            while self._open_since is not None:
                await self._clock.sleep(self._rest)
                await self._try(probe, self._open_since)

    def answered(self) -> None:
        """Halo answered, whatever it said."""
        self._failures = 0

    async def failed(self, error: TargetUnavailable) -> None:
        """A request found Halo unavailable."""
        self._failures += 1
        if self._failures >= OPENS_AT and self._open_since is None:
            self._why = error.message
            self._open_since = self._clock.monotonic()
            self._rest = FIRST_REST
            await self._tell(
                f"Halo does not answer ({OPENS_AT} requests in a row failed; the last: {error.message}) "
                f"It is left alone and tried again after {self._rest:.0f} seconds."
            )

    async def _try(self, probe: Probe, open_since: float) -> None:
        """Half open: one question decides for all who wait."""
        try:
            await probe()
        except TargetUnavailable as error:
            away = self._clock.monotonic() - open_since
            if away > PATIENCE:
                raise StayedAway(
                    f"Halo has not answered for {away / 60:.0f} minutes. {error.message}", detail=error.detail
                ) from error
            self._rest = min(LONGEST_REST, self._rest * 2)
        else:
            away = self._clock.monotonic() - open_since
            self._open_since, self._failures = None, 0
            await self._tell(f"Halo answers again after {away:.0f} seconds; the run goes on.")
