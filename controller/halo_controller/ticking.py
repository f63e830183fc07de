"""What every loop does: look, and look again a while later; also when the other side was away for a moment."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Never

from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.errors import TransientError

log = logs.get(__name__)


async def tick_for_ever(loop: str, tick: Callable[[], Awaitable[None]], every: float, clock: Clock) -> Never:
    """Look, rest for so many seconds, and look again."""
    while True:
        with outlasting_passing_faults(loop):
            await tick()
        await clock.sleep(every)


@contextmanager
def outlasting_passing_faults(loop: str) -> Iterator[None]:
    """Let a loop's work end early when a fault will pass; any other ends the loop, and the controller with it."""
    try:
        yield
    except TransientError as error:
        log.warning("loop_waits", loop=loop, code=error.code, why=error.message, detail=error.detail)
