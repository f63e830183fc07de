"""Tokens: who obtains one, how long it is good, what the API says without one."""

import httpx
import pytest

from halo_sandbox.server import Sandbox, running
from halo_sandbox.settings import SandboxSettings, Switches
from halo_shared.clock import SystemClock
from tests.support.http import client_of
from tests.unit.sandbox.conftest import CREDENTIALS, Halo


class Watch(SystemClock):
    """The machine's clock, moved on by hand."""

    passed = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.passed


async def test_discovery_needs_no_token(sandbox: Sandbox, anyone: httpx.AsyncClient) -> None:
    reply = await anyone.get("/api/authinfo")

    assert reply.json() == {"auth_url": f"{sandbox.url}/auth", "tenant_id": "sandbox"}
    assert (await anyone.get("/api/AuthInfo")).status_code == 200


@pytest.mark.parametrize("tenant_in", ["query", "form"])
async def test_a_token_for_the_right_tenant(anyone: httpx.AsyncClient, tenant_in: str) -> None:
    form = CREDENTIALS | ({"tenant": "sandbox"} if tenant_in == "form" else {})
    query = {"tenant": "sandbox"} if tenant_in == "query" else {}

    token = (await anyone.post("/auth/token", params=query, data=form)).json()

    assert token["token_type"] == "Bearer"
    assert token["expires_in"] == 3600
    header = {"Authorization": f"Bearer {token['access_token']}"}
    assert (await anyone.get("/api/Users", headers=header)).status_code == 200


@pytest.mark.parametrize(
    ("change", "tenant", "error"),
    [
        ({"client_secret": "wrong"}, "sandbox", "invalid_client"),
        ({"client_id": "wrong"}, "sandbox", "invalid_client"),
        ({}, "another", "invalid_client"),
        ({}, "", "invalid_client"),
        ({"scope": "read:users"}, "sandbox", "invalid_scope"),
        ({"scope": "all read:agents"}, "sandbox", "invalid_scope"),
        ({"grant_type": "password"}, "sandbox", "unsupported_grant_type"),
    ],
)
async def test_refused_grants(
    anyone: httpx.AsyncClient, change: dict[str, str], tenant: str, error: str
) -> None:
    reply = await anyone.post("/auth/token", params={"tenant": tenant}, data={**CREDENTIALS, **change})

    assert (reply.status_code, reply.json()) == (400, {"error": error})


async def test_credentials_as_json_are_not_read(anyone: httpx.AsyncClient) -> None:
    reply = await anyone.post("/auth/token?tenant=sandbox", json=CREDENTIALS)

    assert reply.status_code == 400


async def test_on_premise_has_no_tenant() -> None:
    async with (
        running(SandboxSettings(tenant=None)) as sandbox,
        client_of(sandbox.url) as http,
    ):
        assert (await http.get("/api/authinfo")).json()["tenant_id"] is None
        assert (await http.post("/auth/token", data=CREDENTIALS)).status_code == 200


@pytest.mark.parametrize("path", ["Users", "Users/1", "InstanceInfo", "Nothing"])
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer guessed"}])
async def test_without_a_good_token_401_and_no_body(
    anyone: httpx.AsyncClient, path: str, header: dict[str, str]
) -> None:
    reply = await anyone.get(f"/api/{path}", headers=header)

    assert (reply.status_code, reply.content) == (401, b"")


async def test_tokens_run_out() -> None:
    settings = SandboxSettings(switches=Switches(token_seconds=1))
    clock = Watch()
    async with (
        running(settings, clock) as sandbox,
        client_of(sandbox.url) as http,
    ):
        reply = await http.post("/auth/token?tenant=sandbox", data=CREDENTIALS)
        assert reply.json()["expires_in"] == 1
        header = {"Authorization": f"Bearer {reply.json()['access_token']}"}
        assert (await http.get("/api/Users", headers=header)).status_code == 200

        clock.passed = 1.5

        assert (await http.get("/api/Users", headers=header)).status_code == 401


async def test_revoked_tokens_are_refused_at_once(halo: Halo) -> None:
    assert (await halo.control("POST", "revoke")).json()["revoked"] >= 1

    assert (await halo.get("Users")).status_code == 401
