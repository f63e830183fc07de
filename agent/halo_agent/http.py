"""The client behind every HTTP request of this agent: what it asks can be seen from outside."""

import re
import ssl
from typing import Any, Final

import httpx

from halo_agent import metrics
from halo_agent.metrics import UNANSWERED, Side
from halo_shared import telemetry
from halo_shared.certificates import watched
from halo_shared.telemetry import Attributes, Kind

_IDS: Final = re.compile(r"(?<=/)(\d+|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(?=/|$)")
"""What stands in a path for one record: numbers and GUIDs."""


class HttpClient(httpx.AsyncClient):
    """An AsyncClient that tells how each request went: method, path without ids, status. Nothing of its content.

    It trusts the machine's own authorities: those of the company are among them, which signed its on-premise Halo or
    its proxy. `of` is whose certificate is looked at.
    """

    def __init__(self, to: Side, of: str, **options: Any) -> None:  # Any: as in the library
        super().__init__(verify=watched(ssl.create_default_context(), of), **options)
        self._to = to

    async def send(self, request: httpx.Request, **how: Any) -> httpx.Response:  # Any: as in the library
        template = template_of(request.url)
        about: Attributes = {
            "http.request.method": request.method,
            "url.template": template,
            "server.address": request.url.host,
        }
        with telemetry.span(f"{request.method} {template}", Kind.CLIENT, attributes=about) as span:
            try:
                response = await super().send(request, **how)
            except httpx.RequestError:
                metrics.requested(self._to, UNANSWERED)
                raise
            metrics.requested(self._to, f"{response.status_code // 100}xx")
            span.note({"http.response.status_code": response.status_code})
            if response.is_error:
                span.failed(str(response.status_code))
        return response


def template_of(url: httpx.URL) -> str:
    """The path with `{id}` for ids, and without a query, which may hold what a record is searched by."""
    return _IDS.sub("{id}", url.path)
