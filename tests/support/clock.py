"""Time that stands still until a test moves it."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, Final

from halo_shared.clock import SystemClock
from tests.support.builders import NOW

PATIENCE: Final = 60.0
"""Real seconds after which a test has waited too long for a loop."""


@dataclass(order=True, slots=True)
class _Sleeper:
    """A task that waits for the clock; of those that are due together, the first to fall asleep wakes first."""

    until: float
    place: int
    task: "asyncio.Task[Any]" = field(compare=False)  # Any: what it returns is nobody's concern here
    woken: "asyncio.Future[None]" = field(compare=False)


class ManualClock:
    """A Clock for tests: `move` it, or `advance` it step by step through everything that sleeps."""

    def __init__(self, start: datetime = NOW) -> None:
        self._start = start
        self._passed = 0.0
        self._sleepers: list[_Sleeper] = []
        self._places = count()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        woken = asyncio.get_running_loop().create_future()
        sleeper = _Sleeper(self._passed + seconds, next(self._places), task, woken)
        heapq.heappush(self._sleepers, sleeper)
        try:
            await woken
        finally:
            self._sleepers = [other for other in self._sleepers if other is not sleeper]
            heapq.heapify(self._sleepers)

    def move(self, span: timedelta | float) -> None:
        """Let this much time pass at once; whoever is due wakes as soon as the test gives way."""
        self._passed += span.total_seconds() if isinstance(span, timedelta) else span
        while self._sleepers and self._sleepers[0].until <= self._passed:
            woken = heapq.heappop(self._sleepers).woken
            if not woken.done():  # it was cancelled a moment ago
                woken.set_result(None)

    async def advance(self, span: timedelta | float) -> None:
        """Let time pass from sleeper to sleeper; each one sleeps again, or ends, before the next one wakes."""
        end = self._passed + (span.total_seconds() if isinstance(span, timedelta) else span)
        while self._sleepers and self._sleepers[0].until <= end:
            first = self._sleepers[0]
            due = [sleeper.task for sleeper in self._sleepers if sleeper.until == first.until]
            self.move(first.until - self._passed)
            await eventually(partial(self._settled, due))
        self.move(end - self._passed)

    async def asleep(self, tasks: int = 1) -> None:
        """Return when so many tasks sleep."""
        await eventually(lambda: len(self._sleepers) >= tasks)

    def _settled(self, tasks: Sequence["asyncio.Task[Any]"]) -> bool:
        asleep = [sleeper.task for sleeper in self._sleepers]
        return all(task.done() or task in asleep for task in tasks)


class SettableClock(ManualClock):
    """A clock whose wall a person may set; what passes by the other goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.set_by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.set_by


async def eventually(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Return when this is so; a test that waits in vain fails with TimeoutError."""
    pause = 0.001
    async with asyncio.timeout(PATIENCE):
        while not await _so(condition()):
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, 0.05)  # asking may keep the machine from what is waited for


async def _so(answer: bool | Awaitable[bool]) -> bool:
    return answer if isinstance(answer, bool) else await answer


class FastClock:
    """The machine's own clock, which a test lets run ahead: a day passes in a few jumps, and every second is a real one."""

    def __init__(self, start: datetime = NOW) -> None:
        self._real = SystemClock()
        self._start = start - self._real.now()
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        return self._real.now() + self._start + self._ahead

    def monotonic(self) -> float:
        # Both run ahead: this is time that passes, not a clock that somebody sets.
        return self._real.monotonic() + self._ahead.total_seconds()

    async def sleep(self, seconds: float) -> None:
        await self._real.sleep(seconds)

    def jump_to(self, moment: datetime) -> None:
        """Let it be this moment; never one that has passed."""
        self._ahead += max(timedelta(0), moment - self.now())
