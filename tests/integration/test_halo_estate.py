"""A whole estate in Halo, by the engine and through the API: written once, found again, and left alone when unchanged."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from halo_agent.engine.records import Role, Software, SourceRecord
from halo_agent.engine.sync import Outcome, sync
from halo_sandbox.server import Sandbox, running
from halo_shared.entities import EntityKind
from halo_shared.errors import TargetUnavailable
from halo_shared.messages.commands import Assignment
from halo_shared.runs import Mode, RunStatus
from tests.support.engine import MemorySource, World, estate, open_world, refers, thing
from tests.unit.agent.targets.support import HurriedClock, Levers, halo, levers

CLIENTS, SITES, USERS, TECHNICIANS, ASSETS = EntityKind
GLOBEX = thing(CLIENTS, "globex")
AT_GLOBEX = refers(Role.CLIENT, CLIENTS, "globex")
HARBOUR = thing(SITES, "harbour", AT_GLOBEX)
THERE = (AT_GLOBEX, refers(Role.SITE, SITES, "harbour"))
ANNA = thing(USERS, "anna", *THERE, refers(Role.MANAGER, USERS, "bo"), mail="anna@globex.example")
BO = thing(USERS, "bo", *THERE, refers(Role.MANAGER, USERS, "anna"), mail="bo@globex.example")
TOM = thing(TECHNICIANS, "tom")
RACK = thing(ASSETS, "rack", *THERE, refers(Role.PARENT, ASSETS, "room"))
ROOM = thing(ASSETS, "room", *THERE)
LAPTOP = replace(
    thing(ASSETS, "laptop", *THERE, refers(Role.USER, USERS, "anna"), refers(Role.USER, USERS, "bo")),
    software=(Software("Office", "16", "Microsoft"), Software("7-Zip", "24")),
)
ALL = (LAPTOP, RACK, ROOM, TOM, ANNA, BO, HARBOUR, GLOBEX)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running() as sandbox:
        yield sandbox


@pytest.fixture
async def hands(sandbox: Sandbox) -> AsyncIterator[Levers]:
    async with levers(sandbox) as hands:
        yield hands


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path / "links.db") as world:
        yield world


def assigned(mode: Mode = Mode.FULL) -> Assignment:
    """Clients and sites known by external links, the rest by columns that Halo has for other tools' ids."""
    named = {"name": "name"}
    return estate(
        mode=mode,
        clients={"identity": "external_link", "fields": named, "match": []},
        sites={"identity": "external_link", "fields": named, "match": []},
        users={
            "identity": "azureoid",
            "fields": {**named, "emailaddress": "mail"},
            "match": ["emailaddress"],
        },
        technicians={"identity": "third_party_guid", "fields": named, "match": []},
        assets={
            "identity": "lansweeper_id",
            "fields": {"inventory_number": "name"},
            "match": [],
            "asset_type": {"default": "Workstation"},
        },
    )


async def synced(
    world: World,
    sandbox: Sandbox,
    *records: SourceRecord,
    mode: Mode = Mode.FULL,
    hurry: HurriedClock | None = None,
) -> Outcome:
    async with halo(sandbox, hurry or HurriedClock()) as target:
        attempt = world.attempt(MemorySource(records), assigned(mode))
        return await sync(replace(attempt, target=target))


async def held(hands: Levers) -> dict[str, dict[str, Any]]:
    """What Halo holds of ours, by name."""
    rows = [row for kind in ("Client", "Site", "Users", "Agent", "Asset") for row in await hands.held(kind)]
    ours = [row for row in rows if row.get("name") not in ("Acme", "Main")]
    named = {row.get("inventory_number") or row["name"]: row for row in ours}
    assert len(named) == len(ours)
    return named


async def test_an_estate_is_written_whole_and_a_second_run_asks_nothing(
    world: World, sandbox: Sandbox, hands: Levers
) -> None:
    assert await synced(world, sandbox, *ALL) == Outcome(RunStatus.SUCCEEDED), world.heard.records

    there = await held(hands)
    assert there["harbour"]["client_name"] == "globex"
    assert (there["anna"]["site_name"], there["anna"]["manager_email"]) == ("harbour", "bo@globex.example")
    assert there["bo"]["manager_email"] == "anna@globex.example"
    assert there["rack"]["parent_id"] == there["room"]["id"]
    assert there["laptop"]["site_name"] == "harbour"
    links = {(link["third_party_id"], link["halo_id"]) for link in await hands.held("ExternalLink")}
    assert links == {("globex", there["globex"]["id"]), ("harbour", there["harbour"]["id"])}

    await hands.forget()
    assert await synced(world, sandbox, *ALL) == Outcome(RunStatus.SUCCEEDED)
    assert await hands.counts() == {}


async def test_a_new_agent_finds_everything_again_from_halo_alone(
    world: World, sandbox: Sandbox, hands: Levers, tmp_path: Path
) -> None:
    await synced(world, sandbox, *ALL)
    before = await held(hands)
    await hands.forget()

    async with open_world(tmp_path / "another.db") as fresh:
        outcome = await synced(fresh, sandbox, *ALL)

    assert outcome == Outcome(RunStatus.SUCCEEDED), fresh.heard.records
    assert {name: row["id"] for name, row in (await held(hands)).items()} == {
        name: row["id"] for name, row in before.items()
    }


async def test_what_was_changed_by_hand_is_put_right_by_a_reconciliation_and_nothing_else_is_written(
    world: World, sandbox: Sandbox, hands: Levers
) -> None:
    await synced(world, sandbox, *ALL)
    there = await held(hands)
    await hands.plant("Asset", [{"id": there["laptop"]["id"], "software": [{"name": "Game"}], "users": []}])
    await hands.forget()

    assert await synced(world, sandbox, *ALL, mode=Mode.RECONCILE) == Outcome(RunStatus.SUCCEEDED)

    posted = {path: count for path, count in (await hands.counts()).items() if path.startswith("POST /api")}
    assert posted == {"POST /api/Asset": 1}
    await hands.forget()
    await synced(world, sandbox, *ALL, mode=Mode.RECONCILE)
    assert not [path for path in await hands.counts() if path.startswith("POST /api")]


@pytest.mark.parametrize("path", ["Client", "Site", "Users", "Agent", "Asset", "ExternalLink"])
@pytest.mark.parametrize("fault", ["drop", "cut", "error", "html", "rate_limited"])
async def test_a_fault_anywhere_makes_nothing_twice(
    world: World, sandbox: Sandbox, hands: Levers, path: str, fault: str
) -> None:
    await hands.fault(fault, path=f"/api/{path}", method="POST")

    await synced(world, sandbox, *ALL)
    await synced(world, sandbox, *ALL)

    assert set(await held(hands)) >= {"globex", "harbour", "anna", "bo", "tom", "rack", "room", "laptop"}
    assert len(await hands.held("ExternalLink")) == 2


async def test_a_halo_that_goes_away_in_the_middle_is_gone_on_with_in_the_next_run(
    world: World, sandbox: Sandbox, hands: Levers
) -> None:
    await hands.fault("error", path="/api/Users", status=503, times=200)
    await hands.fault("error", path="/api/InstanceInfo", status=503, times=200)
    with pytest.raises(TargetUnavailable):
        await synced(world, sandbox, *ALL)
    await hands._ask("DELETE", "faults")

    await synced(world, sandbox, *ALL)

    assert len(await hands.held("ExternalLink")) == 2
    assert set(await held(hands)) >= {"anna", "bo", "laptop"}


async def test_leavers_are_made_inactive_and_nobody_else(
    world: World, sandbox: Sandbox, hands: Levers
) -> None:
    await synced(world, sandbox, *ALL)

    await synced(world, sandbox, *(one for one in ALL if one not in (BO, TOM, ROOM)))

    there = await held(hands)
    gone = {name for name, row in there.items() if row.get("inactive") or row.get("isdisabled")}
    assert gone == {"bo", "tom", "room"}
