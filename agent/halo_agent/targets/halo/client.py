"""Halo's API over HTTP: JSON both ways, repeated where that is safe, never faster than it may be."""

import random
from collections.abc import Mapping
from typing import Final

import httpx
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential_jitter,
)

from halo_agent.engine.ports import Permit
from halo_agent.targets.halo import wire
from halo_agent.targets.halo.auth import HaloAuth, base
from halo_agent.targets.halo.bodies import explain, refused_row
from halo_agent.targets.halo.errors import AnswerLost, NotSent, detail, refusal, unreachable
from halo_agent.targets.halo.pacing import Pace
from halo_shared.clock import Clock
from halo_shared.errors import RateLimited, RecordRefused, TargetUnavailable, TransientError
from halo_shared.integrations import HaloConnection

Params = Mapping[str, str | int]

CONNECTIONS: Final = 8
"""Requests under way at once; more wait for their turn."""
ATTEMPTS: Final = 8
LONGEST_WAIT: Final = 60.0
LONGEST_OBEYED: Final = 300.0
"""Seconds of a Retry-After that are waited for here; the run is tried again later where Halo asks for more."""
_GROWING: Final = wait_exponential_jitter(max=LONGEST_WAIT)
_GROWING_FROM_FIVE: Final = wait_exponential_jitter(multiplier=5, max=LONGEST_WAIT, jitter=5)


class HaloClient:
    """Asks Halo and answers with parsed JSON, or raises one of our errors."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        connection: HaloConnection,
        auth: HaloAuth,
        pace: Pace,
        clock: Clock,
        permit: Permit,
    ) -> None:
        self._http = http
        self._api = f"{base(connection)}/api"
        self._auth = auth
        self._pace = pace
        self._clock = clock
        self._permit = permit
        self.requests = 0
        """Requests made so far, repeated ones included."""

    async def get(self, path: str, params: Params | None = None) -> object:
        """What Halo shows at this path; asked again while it is not available."""
        request = self._http.build_request("GET", f"{self._api}/{path}", params=dict(params or {}))
        return await self._insist(request, f"read {path}")

    async def write(self, path: str, record: wire.Row) -> int:
        """Send one record and return its id.

        One with an id is sent again while Halo is not available. One without is new: once it may have
        arrived it is not sent again, as Halo would make two of it; that raises AnswerLost.
        """
        new = wire.ID not in record
        # Halo takes nothing but arrays.
        request = self._http.build_request("POST", f"{self._api}/{path}", json=[record])
        try:
            body = await self._insist(request, f"write to {path}", repeatable=not new)
        except TargetUnavailable as error:
            if not new or isinstance(error, NotSent):
                raise
            raise AnswerLost(error.message, detail=error.detail) from error
        written = wire.written_id(body)
        if written is not None:
            return written
        if new:
            raise AnswerLost(f"Halo took a new record for {path} and did not say which id it has.")
        if refused := refused_row(body):
            raise RecordRefused(f"Halo took a change for {path} and answered: {refused}")
        return wire.id_of(record)

    async def _insist(self, request: httpx.Request, doing: str, *, repeatable: bool = True) -> object:
        def worth_another(error: BaseException) -> bool:
            if isinstance(error, RateLimited):
                return (error.retry_after or 0) <= LONGEST_OBEYED
            return isinstance(error, TransientError if repeatable else NotSent)

        insisting = AsyncRetrying(
            sleep=self._clock.sleep,
            stop=stop_after_attempt(ATTEMPTS),
            wait=_pause,
            retry=retry_if_exception(worth_another),
            reraise=True,
        )
        return await insisting(self._once, request, doing)

    async def _once(self, request: httpx.Request, doing: str) -> object:
        await self._pace.wait()
        if request.method == "POST":
            self._permit.check()  # the wait, or those before it, may have outlasted the lease
        self.requests += 1
        try:
            response = await self._http.send(request, auth=self._auth)
        except httpx.RequestError as error:
            raise unreachable(error) from error
        if not response.is_success:
            raise refusal(response, doing, self._clock)
        try:
            return response.json()
        except ValueError as error:
            said = explain(response.text) or "an empty answer"
            raise TargetUnavailable(
                f"Halo's answer to the request to {doing} is not JSON: {said}.", detail=detail(response)
            ) from error


def _pause(state: RetryCallState) -> float:
    """Seconds before the next attempt: what Halo asks for, else growing, and never all at once."""
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, RateLimited):
        return _GROWING(state)
    if error.retry_after is None:
        return _GROWING_FROM_FIVE(state)
    return error.retry_after + random.uniform(0, 1)  # noqa: S311  spreads requests, guards nothing
