"""Exactly the rights that are missing are named, and finding out writes nothing."""

from collections.abc import AsyncIterator

import pytest

from halo_agent.targets.halo import Use, open_halo
from halo_agent.targets.halo.rights import Right, lacking
from halo_sandbox.server import Sandbox, running
from halo_shared.entities import EntityKind
from halo_shared.errors import PermissionMissing
from tests.support.engine import Pass
from tests.unit.agent.targets.support import SECRET, Ear, HurriedClock, Levers, Slice, connection, levers

EVERY = tuple(EntityKind)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running() as sandbox:
        yield sandbox


@pytest.fixture
async def hands(sandbox: Sandbox) -> AsyncIterator[Levers]:
    async with levers(sandbox) as hands:
        yield hands


async def rights(sandbox: Sandbox, scope: str = "all", kinds: tuple[EntityKind, ...] = EVERY) -> list[Right]:
    there = connection(sandbox.url).model_copy(update={"scope": scope})
    async with open_halo(
        there, SECRET, clock=HurriedClock(), budget=Slice(), permit=Pass(0), tell=Ear(), use=Use()
    ) as target:
        return list(await target.rights(kinds, tickets=EntityKind.USERS in kinds))


def missing(found: list[Right]) -> set[tuple[str, str, str]]:
    return {(right.kind, right.access, right.path) for right in found if right.missing}


async def test_with_all_rights_nothing_is_missing(sandbox: Sandbox) -> None:
    found = await rights(sandbox)

    assert missing(found) == set()
    assert lacking(found) is None
    assert {right.kind for right in found} == set(EVERY)


@pytest.mark.parametrize(
    ("scopes", "lacks"),
    [
        (
            ["read:customers", "edit:customers", "read:assets", "read:tickets"],
            {("assets", "write", "Asset"), ("technicians", "write", "Agent")},
        ),
        (
            ["read:customers", "read:assets", "edit:assets", "read:tickets", "admin"],
            {("clients", "write", "Client"), ("sites", "write", "Site"), ("users", "write", "Users")},
        ),
        (
            ["read:customers", "edit:customers", "admin"],
            {
                ("users", "read", "Tickets"),
                ("assets", "read", "Asset"),
                ("assets", "read", "AssetType"),
                ("assets", "write", "Asset"),
            },
        ),
    ],
)
async def test_a_scope_that_the_application_lacks_is_named(
    sandbox: Sandbox, hands: Levers, scopes: list[str], lacks: set[tuple[str, str, str]]
) -> None:
    await hands.switches(scopes=scopes)

    found = await rights(sandbox, scope=" ".join(scopes))

    assert missing(found) == lacks
    assert all(right.scope in right.missing for right in found if right.missing)


@pytest.mark.parametrize(
    ("role", "lacks"),
    [
        ({"assets": "read"}, {("assets", "write", "Asset")}),
        (
            {"customers": "read"},
            {("clients", "write", "Client"), ("sites", "write", "Site"), ("users", "write", "Users")},
        ),
        ({"admin": "none"}, {("technicians", "write", "Agent")}),
        ({"tickets": "none"}, {("users", "read", "Tickets")}),
    ],
)
async def test_a_role_that_does_not_reach_is_named_with_its_agent(
    sandbox: Sandbox, hands: Levers, role: dict[str, str], lacks: set[tuple[str, str, str]]
) -> None:
    await hands.switches(role=role)

    found = await rights(sandbox)

    assert missing(found) == lacks
    assert all("role of the agent 'Halo Integrator'" in right.missing for right in found if right.missing)


async def test_an_application_that_may_not_ask_for_all_still_hears_which_scopes_it_lacks(
    sandbox: Sandbox, hands: Levers
) -> None:
    await hands.switches(scopes=["read:customers"])

    found = await rights(sandbox, kinds=(EntityKind.USERS,))

    assert missing(found) == {("users", "write", "Users"), ("users", "read", "Tickets")}
    error = lacking(found)
    assert isinstance(error, PermissionMissing)
    assert "to write Users: the application may not ask for the scope edit:customers" in error.message
    assert "Configuration > Integrations > Halo API" in error.message


async def test_finding_out_writes_nothing_and_asks_each_thing_once(sandbox: Sandbox, hands: Levers) -> None:
    await hands.plant("Users", [{"site_id": 1001, "name": "Anna"}])
    before = [await hands.held(name) for name in ("Client", "Site", "Users", "Agent", "Asset")]
    await hands.forget()

    await rights(sandbox)

    assert [await hands.held(name) for name in ("Client", "Site", "Users", "Agent", "Asset")] == before
    counts = await hands.counts()
    assert {path: count for path, count in counts.items() if path.startswith("POST /api")} == {
        f"POST /api/{path}": 1 for path in ("Client", "Site", "Users", "Agent", "Asset")
    }
    assert counts["GET /api/Client"] == counts["GET /api/Site"] == 1
