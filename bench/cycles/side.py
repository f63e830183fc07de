"""What product and peers have in common: jobs are triggered, worked on elsewhere, and their success is stored."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from bench.cycles.stores import Counted
from bench.waiting import until

CYCLES: Final = 200
"""A round."""
ONES: Final = 20
"""A round; 100 in those that count."""

Trigger = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Side:
    """One that is up and ready."""

    trigger_all: Trigger
    """Trigger CYCLES jobs."""
    stored: Counted
    """How many have ever been stored as succeeded."""
    one: Callable[[], Awaitable[float]]
    """Trigger one, wait for its end, and say how many milliseconds after the trigger its work began."""

    async def rate(self) -> float:
        """Whole cycles a second."""
        whole = await self.stored() + CYCLES

        async def all_stored() -> bool:
            return await self.stored() >= whole

        began = time.perf_counter()
        await self.trigger_all()
        await until(all_stored, look_every=0.05)
        return CYCLES / (time.perf_counter() - began)

    async def delays(self) -> list[float]:
        """Milliseconds from trigger to work while nothing else is done."""
        return [await self.one() for _ in range(ONES)]
