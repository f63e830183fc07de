"""A sandbox on a real socket, a client that has a token, and the levers."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from halo_sandbox.server import Sandbox, running
from halo_sandbox.settings import SandboxSettings
from tests.support.http import client_of

SETTINGS = SandboxSettings()
CREDENTIALS = {
    "grant_type": "client_credentials",
    "client_id": SETTINGS.client_id,
    "client_secret": SETTINGS.client_secret,
    "scope": "all",
}


@dataclass(frozen=True)
class Halo:
    """A client as the tests need it: replies as they came, nothing raised."""

    http: httpx.AsyncClient

    async def get(self, path: str, **query: str | int) -> httpx.Response:
        return await self.http.get(f"/api/{path}", params=query)

    async def post(self, path: str, *rows: dict[str, Any]) -> httpx.Response:
        return await self.http.post(f"/api/{path}", json=list(rows))

    async def created(self, path: str, **row: Any) -> Any:
        reply = await self.post(path, row)
        assert reply.status_code == 201, reply.text
        return reply.json()

    async def rows(self, path: str, **query: str | int) -> Any:
        reply = await self.get(path, **query)
        assert reply.status_code == 200, reply.text
        body = reply.json()
        if isinstance(body, list):
            return body
        (rows,) = [value for value in body.values() if isinstance(value, list)]
        return rows

    async def control(self, method: str, path: str, body: object = None) -> httpx.Response:
        reply = await self.http.request(method, f"/sandbox/{path}", json=body)
        assert reply.is_success, reply.text
        return reply

    async def fault(self, kind: str, **details: object) -> None:
        await self.control("POST", "faults", {"kind": kind, **details})

    async def site(self) -> int:
        """The site that the seed brings."""
        return int((await self.rows("Site"))[0]["id"])

    async def workstation(self) -> int:
        """The first asset type that the seed brings."""
        return int((await self.rows("AssetType"))[0]["id"])


async def signed_in(sandbox: Sandbox, http: httpx.AsyncClient) -> Halo:
    reply = await http.post("/auth/token", params={"tenant": sandbox.settings.tenant or ""}, data=CREDENTIALS)
    http.headers["Authorization"] = f"Bearer {reply.json()['access_token']}"
    return Halo(http)


@pytest.fixture(scope="session")
def listening() -> Iterator[Sandbox]:
    """One sandbox for all tests, on a loop of its own."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(running()) as started:
        yield started


@pytest.fixture
async def sandbox(listening: Sandbox) -> Sandbox:
    """The sandbox as it was when it started."""
    async with client_of(listening.url) as http:
        (await http.post("/sandbox/reset")).raise_for_status()
    return listening


@pytest.fixture
async def anyone(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token."""
    async with client_of(sandbox.url) as http:
        yield http


@pytest.fixture
async def halo(sandbox: Sandbox) -> AsyncIterator[Halo]:
    async with client_of(sandbox.url) as http:
        yield await signed_in(sandbox, http)
