"""What a token opens: the application's scopes, and the role of the agent that it logs in as."""

import httpx
import pytest

from tests.unit.sandbox.conftest import CREDENTIALS, Halo

BODY = {"name": "Nora"}


async def entered(anyone: httpx.AsyncClient, scope: str) -> httpx.Response:
    reply = await anyone.post(
        "/auth/token", params={"tenant": "sandbox"}, data={**CREDENTIALS, "scope": scope}
    )
    if reply.is_success:
        anyone.headers["Authorization"] = f"Bearer {reply.json()['access_token']}"
    return reply


async def test_a_scope_that_the_application_lacks_is_refused(anyone: httpx.AsyncClient, halo: Halo) -> None:
    await halo.control("PUT", "switches", {"scopes": ["read:customers"]})

    assert (await entered(anyone, "all")).json() == {"error": "invalid_scope"}
    assert (await entered(anyone, "edit:customers")).json() == {"error": "invalid_scope"}
    assert (await entered(anyone, "read:customers")).is_success


@pytest.mark.parametrize(
    ("scope", "reads_users", "reads_assets", "writes_users"),
    [
        ("all", 200, 200, 400),
        ("all:standard", 200, 200, 400),
        ("read:customers", 200, 401, 401),
        ("edit:customers", 200, 401, 400),
        ("read:customers read:assets", 200, 200, 401),
        ("read:tickets", 401, 401, 401),
    ],
)
async def test_a_token_opens_what_its_scopes_say(
    anyone: httpx.AsyncClient, scope: str, reads_users: int, reads_assets: int, writes_users: int
) -> None:
    await entered(anyone, scope)

    assert (await anyone.get("/api/Users")).status_code == reads_users
    assert (await anyone.get("/api/Asset")).status_code == reads_assets
    refused = await anyone.post("/api/Users", json=[])
    assert refused.status_code == writes_users  # an empty array is a 400 to whoever may write
    assert refused.text == "" or refused.status_code == 400


@pytest.mark.parametrize(
    ("access", "reads", "writes"), [("edit", 200, 400), ("read", 200, 401), ("none", 401, 401)]
)
async def test_a_role_takes_away_what_a_scope_gives(halo: Halo, access: str, reads: int, writes: int) -> None:
    await halo.control("PUT", "switches", {"role": {"assets": access}})

    assert (await halo.get("Asset")).status_code == reads
    assert (await halo.post("Asset")).status_code == writes
    assert (await halo.get("Users")).status_code == 200


@pytest.mark.parametrize(
    ("scope", "status"), [("all", 400), ("admin", 400), ("all:standard", 401), ("edit:customers", 401)]
)
async def test_only_an_administrator_makes_agents(anyone: httpx.AsyncClient, scope: str, status: int) -> None:
    await entered(anyone, scope)

    assert (await anyone.get("/api/Agent")).status_code == 200
    assert (await anyone.post("/api/Agent", json=[])).status_code == status


async def test_an_application_sees_the_agent_that_it_is(halo: Halo) -> None:
    reply = await halo.get("Agent/me")

    assert (reply.json()["isapiagent"], reply.json()["isdisabled"]) == (True, False)
