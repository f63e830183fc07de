"""Reading a tool over HTTP that is not available for a moment: asked again, no sooner than it wishes."""

import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential_jitter,
)

from halo_shared.clock import Clock
from halo_shared.errors import RateLimited, TransientError

ATTEMPTS: Final = 6
LONGEST_WAIT: Final = 60.0
LONGEST_OBEYED: Final = 300.0
"""Seconds of a Retry-After that are waited for here; the run is tried again later where more is asked for."""
_GROWING: Final = wait_exponential_jitter(multiplier=2, max=LONGEST_WAIT)

T = TypeVar("T")


async def insist(
    ask: Callable[[], Awaitable[T]], clock: Clock, *, final: type[TransientError] | tuple[()] = ()
) -> T:
    """The answer, asked for again while it is not available; errors of the type `final` stay as they are."""

    async def once() -> T:  # what tenacity takes for a coroutine function, which a lambda is not
        return await ask()

    def worth_another(error: BaseException) -> bool:
        return not isinstance(error, final) and _passing(error)

    insisting = AsyncRetrying(
        sleep=clock.sleep,
        stop=stop_after_attempt(ATTEMPTS),
        wait=_pause,
        retry=retry_if_exception(worth_another),
        reraise=True,
    )
    return await insisting(once)


def _passing(error: BaseException) -> bool:
    if isinstance(error, RateLimited):
        return (error.retry_after or 0) <= LONGEST_OBEYED
    return isinstance(error, TransientError)


def _pause(state: RetryCallState) -> float:
    """Seconds before the next attempt: what is asked for, since earlier ones count against us, else growing."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, RateLimited) and error.retry_after is not None:
        return error.retry_after + random.uniform(0, 1)  # noqa: S311  spreads requests, guards nothing
    return _GROWING(state)
