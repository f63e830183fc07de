"""Halo's API over HTTP: JSON both ways, repeated where that is safe, never faster than it may be."""

from collections.abc import Mapping, Sequence
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
from halo_agent.targets.halo.errors import (
    AnswerLost,
    HaloFailed,
    NotSent,
    StayedAway,
    detail,
    refusal,
    unreachable,
)
from halo_agent.targets.halo.resources import ID, INSTANCE
from halo_agent.targets.halo.traffic import Traffic
from halo_shared.clock import Clock
from halo_shared.errors import RateLimited, RecordRefused, TargetUnavailable, TransientError
from halo_shared.integrations import HaloConnection

Params = Mapping[str, str | int]

CONNECTIONS: Final = 8
"""Connections that are kept; how many requests are under way at once is decided in `crowding`."""
ATTEMPTS: Final = 8
LONGEST_WAIT: Final = 60.0
LONGEST_OBEYED: Final = 300.0
"""Seconds of a Retry-After that are waited for here; the run is tried again later where Halo asks for more."""
_GROWING: Final = wait_exponential_jitter(max=LONGEST_WAIT)


class HaloClient:
    """Asks Halo and answers with parsed JSON, or raises one of our errors."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        connection: HaloConnection,
        auth: HaloAuth,
        traffic: Traffic,
        clock: Clock,
        permit: Permit,
    ) -> None:
        self._http = http
        self._api = f"{base(connection)}/api"
        self._auth = auth
        self._traffic = traffic
        self._clock = clock
        self._permit = permit
        self.requests = 0
        """Requests made so far, repeated ones included."""

    async def get(self, path: str, params: Params | None = None, *, once: bool = False) -> object:
        """What Halo shows at this path; asked again while it is not available, unless once is enough."""
        request = self._http.build_request("GET", f"{self._api}/{path}", params=dict(params or {}))
        return await (self._once if once else self._insist)(request, f"read {path}")

    async def write(self, path: str, record: wire.Row) -> int:
        """Send one record and return its id.

        One with an id is sent again while Halo is not available. One without is new: once it may have
        arrived it is not sent again, as Halo would make two of it; that raises AnswerLost.
        """
        new = ID not in record
        body = await self.post(path, [record], repeatable=not new)
        written = wire.written_id(body)
        if written is not None:
            return written
        if refused := refused_row(body):
            raise RecordRefused(f"Halo took a change for {path} and answered: {refused}")
        if new:
            raise AnswerLost(f"Halo took a new record for {path} and did not say which id it has.", over=True)
        return wire.id_of(record)

    async def post(self, path: str, records: Sequence[wire.Row], *, repeatable: bool) -> object:
        """Send these records in one array and return what Halo answers.

        Raises AnswerLost when they must not be sent twice and may have arrived.
        """
        # Halo takes nothing but arrays.
        request = self._http.build_request("POST", f"{self._api}/{path}", json=list(records))
        try:
            return await self._insist(request, f"write to {path}", repeatable=repeatable)
        except TargetUnavailable as error:
            if repeatable and isinstance(error, HaloFailed) and await self._answers():
                raise RecordRefused(
                    f"Halo answers other requests, and {ATTEMPTS} times not this one. {error.message}",
                    detail=error.detail,
                ) from error
            if repeatable or isinstance(error, NotSent):
                raise
            raise AnswerLost(
                error.message, detail=error.detail, over=isinstance(error, HaloFailed)
            ) from error

    async def forbids(self, method: str, path: str) -> bool:
        """Whether Halo refuses this for want of a right. A POST carries no record, so nothing can be written."""
        json: list[wire.Row] | None = [] if method == "POST" else None
        params = {"pageinate": "true", "page_size": "1", "page_no": "1"} if method == "GET" else None
        request = self._http.build_request(method, f"{self._api}/{path}", params=params, json=json)
        async with self._traffic.turn():
            response = await self._send(request)
        return response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}

    async def _insist(self, request: httpx.Request, doing: str, *, repeatable: bool = True) -> object:
        def worth_another(error: BaseException) -> bool:
            if isinstance(error, RateLimited):
                return (error.retry_after or 0) <= LONGEST_OBEYED
            if isinstance(error, StayedAway):
                return False
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
        traffic = self._traffic
        await traffic.breaker.ready(self._probe)
        async with traffic.turn() as asked_at:
            try:
                answer = await self._ask(request, doing)
            except TargetUnavailable as error:
                await traffic.breaker.failed(error)
                raise
            except RateLimited as error:
                traffic.breaker.answered()
                if (error.retry_after or 0) <= LONGEST_OBEYED:
                    await traffic.pace.told_off(asked_at, error.retry_after)
                raise
        traffic.breaker.answered()
        traffic.pace.answered()
        return answer

    async def _ask(self, request: httpx.Request, doing: str) -> object:
        if request.method == "POST":
            self._permit.check()  # the wait, or those before it, may have outlasted the lease
        response = await self._send(request)
        if not response.is_success:
            raise refusal(response, doing, self._clock)
        return _parsed(response, doing)

    async def _send(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        try:
            return await self._http.send(request, auth=self._auth)
        except httpx.RequestError as error:
            if isinstance(error, httpx.TimeoutException):
                self._traffic.crowd.thin_out("Halo did not answer in time")
            raise unreachable(error) from error

    async def _probe(self) -> None:
        """One harmless question; raises TargetUnavailable while Halo is down. Any other answer shows that it is not."""
        request = self._http.build_request("GET", f"{self._api}/{INSTANCE.path}")
        try:
            response = await self._send(request)
        except RateLimited:
            return  # so it is there
        if response.is_server_error:
            raise refusal(response, "say which version it is", self._clock)

    async def _answers(self) -> bool:
        try:
            await self._probe()
        except TransientError:
            return False
        return True


def _parsed(response: httpx.Response, doing: str) -> object:
    try:
        return response.json()
    except ValueError as error:
        said = explain(response.text) or "an empty answer"
        raise HaloFailed(
            f"Halo's answer to the request to {doing} is not JSON: {said}.", detail=detail(response)
        ) from error


def _pause(state: RetryCallState) -> float:
    """Seconds before the next attempt, growing; after a 429 the pace knows how long nobody may ask."""
    error = state.outcome.exception() if state.outcome else None
    return 0.0 if isinstance(error, RateLimited) else _GROWING(state)
