"""NinjaOne's interface over HTTP: reads, page by page, no faster than it is allowed to."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from halo_agent.answers import unreachable
from halo_agent.connectors.ninjaone import refusals
from halo_agent.connectors.ninjaone.auth import NinjaAuth
from halo_agent.insisting import insist
from halo_shared.clock import Clock
from halo_shared.errors import IncompleteRead

PAGE: Final = 1000
"""Records on a page: what NinjaOne's own examples ask for; it names no most."""
FILTER: Final = "df"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a report, and the name under which the next one is asked for."""

    rows: list[object]
    cursor: str


class NinjaClient:
    """Reads one instance, one request after the other."""

    def __init__(self, http: httpx.AsyncClient, root: str, auth: NinjaAuth, clock: Clock) -> None:
        self._http = http
        self._root = root
        self.auth = auth
        self._clock = clock

    async def answers(self) -> int:
        """The status with which the interface meets a stranger, to see that it is there."""

        async def once() -> httpx.Response:
            response = await self._send("organizations", {"pageSize": 1}, None)
            if response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                raise refusals.of_api(response, "answer", "", self._clock)
            return response

        response = await insist(once, self._clock)
        if response.status_code not in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise refusals.not_ninjaone(response)
        return response.status_code

    async def some(self, path: str, **asked: str) -> list[object]:
        """The first records of a list, to see that reading is allowed."""
        return await self._listed(path, {**asked, "pageSize": 1})

    async def pages(self, path: str, **asked: str) -> AsyncGenerator[list[object], None]:
        """Every page of a list. Only an empty one is the end: NinjaOne may give fewer records than it is asked for."""
        after: int | None = None
        while page := await self._listed(path, _paged(asked, "after", after)):
            yield page
            after = _last(page, path, after)

    async def whole(self, path: str) -> list[object]:
        """A list that knows no pages."""
        return await self._listed(path, {})

    async def report(self, path: str, **asked: str) -> AsyncGenerator[list[object], None]:
        """Every page of a report, whose place NinjaOne keeps under a name; it ends without a name or a row."""
        page = await self._reported(path, _paged(asked, "cursor", None))
        while page.rows:
            yield page.rows
            if not page.cursor:
                return
            page = await self._reported(path, _paged(asked, "cursor", page.cursor))

    async def _listed(self, path: str, asked: Mapping[str, str | int]) -> list[object]:
        response = await self._get(path, asked)
        body = _json(response)
        if not isinstance(body, list):
            raise refusals.not_understood(response)
        return body

    async def _reported(self, path: str, asked: Mapping[str, str | int]) -> Page:
        response = await self._get(f"queries/{path}", asked)
        body = _json(response)
        if isinstance(body, dict) and isinstance(body.get("results"), list):
            cursor = body.get("cursor")
            return Page(body["results"], str(cursor.get("name") or "") if isinstance(cursor, dict) else "")
        raise refusals.not_understood(response)

    async def _get(self, path: str, asked: Mapping[str, str | int]) -> httpx.Response:
        async def once() -> httpx.Response:
            response = await self._send(path, asked, self.auth)
            if not response.is_success:
                filtered = str(asked.get(FILTER, ""))
                raise refusals.of_api(response, f"read {response.request.url.path}", filtered, self._clock)
            return response

        return await insist(once, self._clock)

    async def _send(
        self, path: str, asked: Mapping[str, str | int], auth: NinjaAuth | None
    ) -> httpx.Response:
        try:
            return await self._http.get(f"{self._root}/v2/{path}", params=asked, auth=auth)
        except httpx.RequestError as error:
            raise unreachable(error) from error


def _json(response: httpx.Response) -> Any:  # Any: whatever the JSON holds
    try:
        return response.json()
    except ValueError:
        raise refusals.not_understood(response) from None


def _paged(asked: Mapping[str, str], name: str, place: str | int | None) -> Mapping[str, str | int]:
    at: Mapping[str, str | int] = {} if place is None else {name: place}
    return {**asked, "pageSize": PAGE, **at}


def _last(page: list[object], path: str, before: int | None) -> int:
    """The id after which the next page begins; without a new one the list has no provable end."""
    last = page[-1]
    id_ = last.get("id") if isinstance(last, dict) else None
    if not isinstance(id_, int) or isinstance(id_, bool):
        raise IncompleteRead(
            f"NinjaOne ended a page of {path} with a record without an id: the rest is unknown."
        )
    if id_ == before:
        raise IncompleteRead(f"NinjaOne gave a page of {path} again instead of the next one.")
    return id_
