"""Agents, tickets, and what hangs on an asset: users, software, a parent."""

from typing import Any

import pytest

from tests.unit.sandbox.conftest import Halo


@pytest.fixture
async def asset(halo: Halo) -> dict[str, Any]:
    row = {"assettype_id": await halo.workstation(), "site_id": await halo.site()}
    created: dict[str, Any] = await halo.created("Asset", inventory_number="PC-1", **row)
    return created


async def user(halo: Halo, name: str) -> int:
    return int((await halo.created("Users", name=name, site_id=await halo.site()))["id"])


async def test_agents_are_a_bare_array_that_hides_the_disabled(halo: Halo) -> None:
    anna = await halo.created("Agent", name="Anna")
    await halo.created("Agent", name="Bert", isdisabled=True)

    assert isinstance((await halo.get("Agent")).json(), list)
    assert [row["id"] for row in await halo.rows("Agent")] == [anna["id"]]
    assert len(await halo.rows("Agent", includedisabled="true")) == 2


async def test_a_user_shows_how_many_tickets_are_open(halo: Halo) -> None:
    anna = await user(halo, "Anna")
    await halo.created("Tickets", summary="Printer", user_id=anna)
    await halo.created("Tickets", summary="Mouse", user_id=anna, hasbeenclosed=True)

    assert (await halo.get(f"Users/{anna}")).json()["open_ticket_count"] == 1
    assert [row["summary"] for row in await halo.rows("Tickets", user_id=anna, open_only="true")] == [
        "Printer"
    ]
    assert len(await halo.rows("Tickets", user_id=anna)) == 2


async def test_the_users_of_an_asset_are_those_that_were_sent_last(halo: Halo, asset: dict[str, Any]) -> None:
    anna, bert = await user(halo, "Anna"), await user(halo, "Bert")

    await halo.created("Asset", id=asset["id"], users=[{"id": anna}, {"id": bert}])
    await halo.created("Asset", id=asset["id"], users=[{"id": bert}])

    shown = (await halo.get(f"Asset/{asset['id']}")).json()
    assert [one["name"] for one in shown["users"]] == ["Bert"]
    assert "users" not in (await halo.rows("Asset"))[0]
    assert len((await halo.rows("Asset", includeuser="true"))[0]["users"]) == 1
    refused = await halo.post("Asset", {"id": asset["id"], "users": [{"id": 4711}]})
    assert (refused.status_code, "4711" in refused.text) == (400, True)


async def test_software_is_written_with_the_asset_and_read_by_itself(
    halo: Halo, asset: dict[str, Any]
) -> None:
    one, two = {"name": "Office", "version": "16"}, {"name": "7-Zip", "version": "24"}

    await halo.created("Asset", id=asset["id"], software=[one, two])
    before = {row["name"]: row["id"] for row in await halo.rows("AssetSoftware", device_id=asset["id"])}
    await halo.created("Asset", id=asset["id"], software=[one])
    after = {row["name"]: row["id"] for row in await halo.rows("AssetSoftware", device_id=asset["id"])}

    assert set(before) == {"Office", "7-Zip"}
    assert after == {"Office": before["Office"]}
    assert "software" not in (await halo.get(f"Asset/{asset['id']}")).json()
    assert (await halo.get("AssetSoftware")).status_code == 504
    assert (await halo.post("AssetSoftware", one)).status_code == 405


async def test_a_parent_is_another_asset(halo: Halo, asset: dict[str, Any]) -> None:
    for parent in (asset["id"], 4711):
        refused = await halo.post("Asset", {"id": asset["id"], "parent_id": parent})
        assert (refused.status_code, "parent_id" in refused.text) == (400, True)


@pytest.mark.parametrize(("mode", "stored"), [("obeyed", 0), ("ignored", 1)])
async def test_validating_only(halo: Halo, mode: str, stored: int) -> None:
    await halo.control("PUT", "switches", {"validate_only": mode})
    row = {"assettype_id": await halo.workstation(), "site_id": await halo.site(), "_validateonly": True}

    reply = await halo.post("Asset", row)
    refused = await halo.post("Asset", {"_validateonly": True})

    assert (reply.status_code, bool(reply.json()["id"])) == (201, bool(stored))
    assert refused.status_code == 400
    assert len(await halo.rows("Asset")) == stored
