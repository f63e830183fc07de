"""Assets: their place, the fields of their type, the keys that follow from them."""

from typing import Any

import httpx

from tests.unit.sandbox.conftest import Halo


def values(asset: Any) -> dict[str, str]:
    return {field["name"]: field["value"] for field in asset["fields"] if field["value"]}


async def machine(halo: Halo, **more: Any) -> Any:
    return await halo.created(
        "Asset", assettype_id=await halo.workstation(), site_id=await halo.site(), **more
    )


async def test_an_asset_as_the_web_page_sends_it(halo: Halo) -> None:
    asset = await halo.created(
        "Asset",
        _dontaddnewfields=True,
        assettype_id=str(await halo.workstation()),
        site_id=await halo.site(),
        inventory_number="PC-1",
        status_id=1,
        inactive=False,
        fields=[{"id": "51", "value": "SN-1"}],
    )

    assert values(asset) == {"Serial Number": "SN-1"}
    assert (asset["key_field"], asset["assettype_name"]) == ("SN-1", "Workstation")
    assert asset["client_name"] == "Acme"


async def test_fields_are_merged_by_id_or_name(halo: Halo) -> None:
    asset = await machine(
        halo, fields=[{"name": "serial number", "value": "SN-1"}, {"name": "Model", "value": "X1"}]
    )

    again = await halo.created("Asset", id=asset["id"], fields=[{"id": 52, "value": "X2"}])

    assert values(again) == {"Serial Number": "SN-1", "Model": "X2"}
    assert (again["key_field"], again["key_field2"], again["key_field3"]) == ("SN-1", "X2", "")


async def test_a_field_the_type_does_not_have_is_lost(halo: Halo) -> None:
    asset = await machine(halo, fields=[{"name": "Colour", "value": "red"}])

    assert values(asset) == {}


async def test_key_fields_cannot_be_written(halo: Halo) -> None:
    asset = await machine(halo, key_field="SN-9")

    assert asset["key_field"] == ""


async def test_lists_leave_the_fields_out_unless_a_type_is_named(halo: Halo) -> None:
    await machine(halo, fields=[{"id": 51, "value": "SN-1"}])
    kind = await halo.workstation()

    (bare,) = await halo.rows("Asset")
    (still_bare,) = await halo.rows("Asset", includeassetfields="true")
    (typed,) = await halo.rows("Asset", assettype_id=kind)
    (full,) = await halo.rows("Asset", includeassetfields="true", assettype_id=kind)

    assert not any("fields" in row for row in (bare, still_bare, typed))
    assert values(full) == {"Serial Number": "SN-1"}
    assert bare["key_field"] == "SN-1"


async def test_one_asset_is_shown_with_its_fields(halo: Halo) -> None:
    asset = await machine(halo, fields=[{"id": 51, "value": "SN-1"}])

    assert values((await halo.get(f"Asset/{asset['id']}")).json()) == {"Serial Number": "SN-1"}


async def test_a_client_alone_means_its_main_site(halo: Halo) -> None:
    client = await halo.created("Client", name="Globex")
    kind = await halo.workstation()

    asset = await halo.created("Asset", assettype_id=kind, client_id=client["id"])
    assert asset["site_id"] == client["main_site_id"]

    side = await halo.created("Site", name="Side", client_id=client["id"])
    await halo.created("Asset", id=asset["id"], site_id=side["id"])
    kept = await halo.created("Asset", id=asset["id"], client_id=client["id"])
    assert kept["site_id"] == side["id"]

    (acme,) = await halo.rows("Client", search="Acme")
    moved = await halo.created("Asset", id=asset["id"], client_id=acme["id"])
    assert moved["site_id"] == acme["main_site_id"]


async def test_by_inventory_number(halo: Halo) -> None:
    await machine(halo, inventory_number="PC-1", fields=[{"id": 51, "value": "PC-2"}])
    await machine(halo, inventory_number="PC-12")

    async def tags(**query: str) -> list[str]:
        return [row["inventory_number"] for row in await halo.rows("Asset", **query)]

    assert await tags(inventory_number="pc-1") == ["PC-1"]
    assert await tags(inventory_number="pc-1", search_inventory_number_only="true") == ["PC-1"]
    assert await tags(search="PC-2") == ["PC-1"]
    assert await tags(search="PC-2", search_inventory_number_only="true") == []


async def test_a_dry_run_is_refused_rather_than_stored(halo: Halo) -> None:
    reply = await halo.post(
        "Asset",
        {
            "assettype_id": await halo.workstation(),
            "site_id": await halo.site(),
            "_validateonly": True,
        },
    )

    assert reply.status_code == 400
    assert await halo.rows("Asset") == []


async def test_a_type_of_ones_own(halo: Halo) -> None:
    colour = await halo.created("Field", name="Colour", kind="T")
    kind = await halo.created("AssetType", name="Chair", fields=[{"field_id": colour["id"]}], keyfield_id=1)
    assert kind["fields"][0]["field_name"] == "Colour"
    assert kind["keyfield_name"] == "Colour"

    chair = await halo.created(
        "Asset",
        assettype_id=kind["id"],
        site_id=await halo.site(),
        fields=[{"name": "Colour", "value": "red"}],
    )

    assert chair["key_field"] == "red"


async def test_the_description_names_what_there_is(anyone: httpx.AsyncClient) -> None:
    described = (await anyone.get("/api/swagger/v2/swagger.json")).json()

    assert described["openapi"] == "3.0.1"
    assert "delete" not in described["paths"]["/Users/{id}"]
    asked = {one["name"] for one in described["paths"]["/Users"]["get"]["parameters"]}
    assert {"pageinate", "site_id", "includeinactive", "lastupdatefromdate"} <= asked
    device = described["components"]["schemas"]["Device"]["properties"]
    assert device["inventory_number"] == {"type": "string"}
    assert device["fields"]["items"] == {"$ref": "#/components/schemas/FieldHelper"}
    assert "_match_thirdparty_id" not in device


async def test_instance_info(halo: Halo) -> None:
    assert (await halo.get("InstanceInfo")).json()["app_version"] == "sandbox"
