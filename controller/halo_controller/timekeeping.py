"""Time that goes on when somebody sets the machine's clock: nothing ends, is lost or falls due for that alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from halo_controller.store import elapsing
from halo_controller.store.database import Database
from halo_controller.ticking import tick_for_ever
from halo_shared import logs
from halo_shared.clock import Clock

log = logs.get(__name__)

JUMP: Final = timedelta(seconds=5)
"""A wall clock that moved by so much more or less than time passed was set."""
TICK: Final = 1.0


class SteadyClock:
    """The wall clock as it was when last followed, and the seconds since then: it never jumps by itself."""

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._followed_at = 0.0
        self._then = machine.now()
        self.follow()

    def now(self) -> datetime:
        return self._then + timedelta(seconds=self.monotonic() - self._followed_at)

    def monotonic(self) -> float:
        return self._machine.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._machine.sleep(seconds)

    @property
    def behind(self) -> timedelta:
        """By how much the machine's clock was set forward since it was last followed; negative for back."""
        return self._machine.now() - self.now()

    def follow(self) -> None:
        """Say what the machine's clock says."""
        self._then, self._followed_at = self._machine.now(), self._machine.monotonic()


class Timekeeper:
    """Follows the machine's clock; when it was set, what counts elapsed time is moved along by whoever leads."""

    def __init__(self, clock: SteadyClock) -> None:
        self._clock = clock
        self._led: Database | None = None
        self._owed = timedelta()

    @contextmanager
    def moving(self, led: Database) -> Iterator[None]:
        """While this controller leads, what is in its database is its to move."""
        self._led, self._owed = led, timedelta()
        try:
            yield
        finally:
            self._led = None

    async def run(self) -> None:
        """Keep time for ever."""
        await tick_for_ever("timekeeper", self.tick, TICK, self._clock)

    async def tick(self) -> None:
        """Follow the clock, and move what must move with it.

        Whoever decides meanwhile may take a moment for later than it is, never for past: a clock that was set forward
        is followed behind the move, one that was set back before it.
        """
        by = self._clock.behind
        if abs(by) > JUMP:
            log.warning("clock_was_set", seconds=round(by.total_seconds()))
            if by > timedelta():
                await self._move(by)
            else:
                self._owed += by
        self._clock.follow()
        if self._owed:
            await self._move(self._owed)
            self._owed = timedelta()

    async def _move(self, by: timedelta) -> None:
        if self._led:
            async with self._led.write() as db:
                await elapsing.move(db, by)
