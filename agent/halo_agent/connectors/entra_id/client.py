"""Microsoft Graph over HTTP: reads, page by page, no faster than it is allowed to."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

import httpx

from halo_agent.answers import object_of, unreachable
from halo_agent.connectors.entra_id import refusals
from halo_agent.connectors.entra_id.auth import GraphAuth
from halo_agent.connectors.entra_id.clouds import Endpoints
from halo_agent.connectors.entra_id.refusals import StateLost
from halo_agent.insisting import insist
from halo_shared.clock import Clock
from halo_shared.errors import SettingsInvalid

Row = Mapping[str, Any]  # Any: a Graph object is JSON
NEXT: Final = "@odata.nextLink"
DELTA: Final = "@odata.deltaLink"

# Asked first for patience by whoever else reads this directory: ours is no one's sign-in.
_HEADERS: Final = {"x-ms-throttle-priority": "Low"}
INDEXED: Final = {"ConsistencyLevel": "eventual"}
"""Needed for counts and casts, and by every page of them anew."""


class GraphClient:
    """Reads one directory, one request after the other."""

    def __init__(self, http: httpx.AsyncClient, endpoints: Endpoints, auth: GraphAuth, clock: Clock) -> None:
        self._http = http
        self._root = f"{endpoints.graph}/v1.0"
        self._auth = auth
        self._clock = clock

    def url(self, path: str, **query: str | int) -> str:
        """The address of a resource; the names in `query` get their dollar sign here."""
        asked = {f"${name}": str(value) for name, value in query.items()}
        return str(httpx.URL(f"{self._root}/{path}", params=asked))

    async def get(self, url: str, *, permission: str, headers: Mapping[str, str] | None = None) -> Row:
        """One answer of Graph; asked again while it is not available. `permission` is what a refusal names."""
        if not url.startswith(f"{self._root}/"):
            raise SettingsInvalid(
                f"A link that was kept leads to {httpx.URL(url).host}, which is not this cloud's Graph: "
                "the token is not sent there. Reset the integration's cursor."
            )
        request = self._http.build_request("GET", url, headers={**_HEADERS, **(headers or {})})
        return await insist(lambda: self._once(request, permission), self._clock, final=StateLost)

    async def pages(
        self, url: str, *, permission: str, headers: Mapping[str, str] | None = None
    ) -> AsyncGenerator[Row, None]:
        """Every answer from here to the last; a page may be empty and still have a next one."""
        following: str | None = url
        while following:
            page = await self.get(following, permission=permission, headers=headers)
            yield page
            following = page.get(NEXT)

    async def _once(self, request: httpx.Request, permission: str) -> Row:
        try:
            response = await self._http.send(request, auth=self._auth)
        except httpx.RequestError as error:
            raise unreachable(error) from error
        if not response.is_success:
            raise refusals.of_graph(response, f"read {request.url.path}", permission, self._clock)
        body = object_of(response)
        if not body:
            raise refusals.not_understood(response)
        return body


def rows(page: Row) -> list[Row]:
    """The objects on a page."""
    found: list[Row] = page.get("value", [])
    return found
