"""External links, and Halo's log of integration errors: the two things that may be deleted."""

from typing import Any

import pytest

from tests.unit.sandbox.conftest import Halo

ERROR: dict[str, Any] = {
    "module_id": 9,
    "detail_id": 1,
    "entity_type": "User",
    "entity_id": 0,
    "entity_name": "Ann",
    "endpoint": "Users",
    "error": "no site",
    "date": "2026-01-02T03:04:05Z",
}


async def test_a_link_that_comes_with_its_record(halo: Halo) -> None:
    user = await halo.created(
        "Users",
        name="Ann",
        site_id=await halo.site(),
        new_external_link={"module_id": 9, "third_party_id": "S-1-5", "table_id": 5, "halo_id": 1},
    )

    (link,) = await halo.rows("ExternalLink", table_id=4, halo_id=user["id"])
    assert (link["third_party_id"], link["module_id"]) == ("S-1-5", 9)
    assert user["external_links"] == [link]
    assert "new_external_link" not in user
    assert "external_links" not in (await halo.rows("Users"))[0]


async def test_a_bad_link_takes_the_record_with_it(halo: Halo) -> None:
    row = {"name": "Ann", "site_id": await halo.site(), "new_external_link": {"third_party_id": "1"}}

    reply = await halo.post("Users", row)

    assert "ELModuleId" in reply.json()["Message"]
    assert await halo.rows("Users") == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"third_party_id": "a"}, 1),
        ({"third_party_id": "A"}, 1),
        ({"third_party_id": "b"}, 0),
        ({"third_party_secondary_id": "2"}, 1),
        ({"third_party_type": "device"}, 1),
        ({"module_id": 9, "details_id": 3}, 1),
        ({"table_id": 2, "third_party_id": "a"}, 1),
        ({"table_id": 3, "third_party_id": "a"}, 0),
    ],
)
async def test_links_are_found_by_what_they_hold(halo: Halo, query: dict[str, str | int], found: int) -> None:
    (client,) = await halo.rows("Client")
    await halo.created(
        "ExternalLink",
        table_id=2,
        module_id=9,
        halo_id=client["id"],
        details_id=3,
        third_party_id="a",
        third_party_secondary_id="2",
        third_party_type="device",
    )

    assert len(await halo.rows("ExternalLink", **query)) == found


async def test_a_link_can_be_deleted(halo: Halo) -> None:
    (client,) = await halo.rows("Client")
    link = await halo.created("ExternalLink", table_id=2, module_id=9, halo_id=client["id"])

    assert (await halo.http.delete(f"/api/ExternalLink/{link['id']}")).is_success
    assert (await halo.http.delete(f"/api/ExternalLink/{link['id']}")).status_code == 404
    assert await halo.rows("ExternalLink") == []


async def test_errors_are_stored_filtered_and_deleted(halo: Halo) -> None:
    first = await halo.created("IntegrationError", **ERROR)
    second = await halo.created("IntegrationError", **{**ERROR, "module_id": 8})

    assert [row["id"] for row in await halo.rows("IntegrationError", module_id=8)] == [second["id"]]
    assert (await halo.get(f"IntegrationError/{first['id']}")).json()["error"] == "no site"
    assert (await halo.http.delete(f"/api/IntegrationError/{second['id']}")).is_success
    third = await halo.created("IntegrationError", **ERROR)
    assert third["id"] > second["id"]


@pytest.mark.parametrize("missing", list(ERROR))
async def test_every_column_of_an_error_is_needed(halo: Halo, missing: str) -> None:
    row = {name: value for name, value in ERROR.items() if name != missing}

    reply = await halo.post("IntegrationError", row)

    assert "(515)" in reply.json()["Message"]


@pytest.mark.parametrize(
    ("column", "length"),
    [("entity_type", 100), ("entity_name", 100), ("endpoint", 100), ("error", 2000)],
)
async def test_an_error_fits_its_columns(halo: Halo, column: str, length: int) -> None:
    await halo.created("IntegrationError", **{**ERROR, column: "x" * length})

    reply = await halo.post("IntegrationError", {**ERROR, column: "x" * (length + 1)})

    assert reply.status_code == 400
    assert "would be truncated" in reply.json()["Message"]
