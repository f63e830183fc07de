"""The rolling window: how many requests Halo takes before it says 429."""

import math
from collections import deque

from starlette.responses import PlainTextResponse, Response

from halo_sandbox.settings import RateLimit, Switches
from halo_shared.clock import Clock


class RollingWindow:
    """When the latest requests were taken; a refused one does not count."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._taken: deque[float] = deque()

    def wait(self, limit: RateLimit) -> float:
        """Take one request and answer 0, or the seconds until one would be taken."""
        now = self._clock.monotonic()
        while self._taken and self._taken[0] <= now - limit.seconds:
            self._taken.popleft()
        if len(self._taken) >= limit.requests:
            return self._taken[-limit.requests] + limit.seconds - now
        self._taken.append(now)
        return 0

    def clear(self) -> None:
        self._taken.clear()


def refusal(switches: Switches, wait: float) -> Response:
    limit = switches.limit
    headers = {"Retry-After": str(math.ceil(wait))} if switches.retry_after else None
    return PlainTextResponse(
        f"Rate Limit Reached - {limit.requests} Requests per rolling {limit.seconds / 60:g} minute window",
        status_code=429,
        headers=headers,
    )
