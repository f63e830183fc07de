"""What Halo refuses to read, the sandbox refuses to read, in the same words."""

from typing import Any

import httpx
import pytest

from tests.unit.sandbox.conftest import Halo


def message(reply: httpx.Response) -> str:
    """The message of a serialised .NET exception."""
    assert reply.status_code == 400
    body = reply.json()
    assert body["ClassName"] == "System.Exception"
    assert body["HResult"] == -2146233088
    return str(body["Message"])


async def test_a_bare_object_is_no_array(halo: Halo) -> None:
    reply = await halo.http.post("/api/Client", json={"name": "Globex"})

    assert "requires a JSON array" in message(reply)


async def test_an_empty_array_is_refused(halo: Halo) -> None:
    assert "out of range" in message(await halo.post("Client"))


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_another_content_type_is_415(halo: Halo, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}

    reply = await halo.http.post("/api/Client", content=b'[{"name":"Globex"}]', headers=headers)

    assert reply.status_code == 415
    assert len(await halo.rows("Client")) == 1


@pytest.mark.parametrize("body", [b"[{", b"", b'[{"name": NaN}]', b"\xff\xfe["])
async def test_what_is_not_json_is_400(halo: Halo, body: bytes) -> None:
    reply = await halo.http.post("/api/Client", content=body, headers={"Content-Type": "application/json"})

    assert (reply.status_code, list(reply.json())) == (400, [""])


@pytest.mark.parametrize(
    ("path", "value", "place", "words"),
    [
        ("Users", {"site_id": "north"}, "site_id", "Could not convert string to double: north"),
        ("Users", {"linked_agent_id": "x"}, "linked_agent_id", "Could not convert string to integer"),
        ("Users", {"linked_agent_id": "1_0"}, "linked_agent_id", "string to integer: 1_0"),
        ("Users", {"linked_agent_id": 1.5}, "linked_agent_id", "not a valid integer"),
        ("Users", {"linked_agent_id": 2**31}, "linked_agent_id", "too large or small for an Int32"),
        ("Users", {"linked_agent_id": True}, "linked_agent_id", "not a valid integer"),
        ("Users", {"inactive": "maybe"}, "inactive", "Could not convert string to boolean"),
        ("Users", {"inactive": 1}, "inactive", "Could not convert string to boolean"),
        ("Users", {"name": 7}, "name", "System.String"),
        ("Users", {"name": ["A"]}, "name", "System.String"),
        ("Users", {"datecreated": "yesterday"}, "datecreated", "Could not convert string to DateTime"),
        ("Users", {"customfields": {}}, "customfields", "to a list"),
        ("Users", {"new_external_link": []}, "new_external_link", "to an object"),
        ("Asset", {"import_guid": "no"}, "import_guid", "System.Guid"),
        ("Asset", {"fields": [{"id": "x"}]}, "fields[0].id", "string to integer: x"),
    ],
)
async def test_a_value_of_the_wrong_type_names_its_place(
    halo: Halo, path: str, value: dict[str, Any], place: str, words: str
) -> None:
    reply = await halo.post(path, value)

    assert reply.status_code == 400
    ((where, (what,)),) = reply.json().items()
    assert where == f"[0].{place}"
    assert words in what
    assert where in what


@pytest.mark.parametrize("body", [rb'[{"name": "\ud800"}]', rb'[{"customfields": [{"value": "\udfff"}]}]'])
async def test_half_a_character_is_no_text(halo: Halo, body: bytes) -> None:
    reply = await halo.http.post("/api/Client", content=body, headers={"Content-Type": "application/json"})

    assert reply.status_code == 400
    assert "surrogate" in reply.text


async def test_every_wrong_value_of_every_row_is_named(halo: Halo) -> None:
    site = await halo.site()

    reply = await halo.post("Users", {"name": "Ann", "site_id": site}, {"site_id": "x", "inactive": "y"})

    assert set(reply.json()) == {"[1].site_id", "[1].inactive"}
    assert await halo.rows("Users") == []


async def test_a_row_that_is_no_object(halo: Halo) -> None:
    reply = await halo.http.post("/api/Users", json=["Ann"])

    assert list(reply.json()) == ["[0]"]


async def test_numbers_may_come_as_strings(halo: Halo) -> None:
    site = await halo.site()

    user = await halo.created("Users", name="Ann", site_id=str(site), linked_agent_id="7")

    assert (user["site_id"], user["linked_agent_id"]) == (site, 7)


async def test_unknown_properties_are_ignored(halo: Halo) -> None:
    client = await halo.created("Client", name="Globex", shoe_size=44, _match_thirdparty_id="7")

    assert not client.keys() & {"shoe_size", "_match_thirdparty_id"}


async def test_null_counts_as_not_sent(halo: Halo) -> None:
    client = await halo.created("Client", name="Globex", website="globex.example")

    again = await halo.created("Client", id=client["id"], name=None, website=None)

    assert (again["name"], again["website"]) == ("Globex", "globex.example")


@pytest.mark.parametrize(
    ("path", "row", "column", "table"),
    [
        ("Client", {"website": "x"}, "aareadesc", "AREA"),
        ("Site", {"name": "North"}, "Sarea", "SITE"),
        ("Users", {"name": "Ann"}, "Usite", "USERS"),
        ("Asset", {"client_id": 101}, "Dtype", "DEVICE"),
        ("Asset", {"assettype_id": 131}, "Dsite", "DEVICE"),
        ("Field", {"name": "Colour"}, "Ykind", "FIELD"),
        ("AssetType", {"intent": "x"}, "tdesc", "XTYPE"),
        ("AssetGroup", {"memo": "x"}, "gdesc", "GENERIC"),
        ("ExternalLink", {"halo_id": 101, "table_id": 2}, "ELModuleId", "ExternalLink"),
    ],
)
async def test_what_the_database_needs_and_does_not_get(
    halo: Halo, path: str, row: dict[str, Any], column: str, table: str
) -> None:
    said = message(await halo.post(path, row))

    assert said.startswith("A database error occurred (515) - Cannot insert the value NULL into")
    assert f"column '{column}'" in said
    assert f".{table}'" in said


@pytest.mark.parametrize(
    ("path", "row"),
    [
        ("Site", {"name": "North", "client_id": 999}),
        ("Users", {"name": "Ann", "site_id": 999}),
        ("Users", {"name": "Ann", "site_id": 101}),  # a client's id where a site's belongs
        ("Asset", {"assettype_id": 999, "client_id": 101}),
        ("Asset", {"assettype_id": 131, "site_id": 999}),
        ("AssetType", {"name": "Phone", "assetgroup_id": 999}),
        ("AssetType", {"name": "Phone", "fields": [{"field_id": 999}]}),
        ("AssetType", {"name": "Phone", "fields": [{}]}),
        ("ExternalLink", {"table_id": 4, "module_id": 1, "halo_id": 999}),
    ],
)
async def test_a_record_that_is_pointed_at_must_exist(halo: Halo, path: str, row: dict[str, Any]) -> None:
    assert "does not exist" in message(await halo.post(path, row))


async def test_text_longer_than_its_column(halo: Halo) -> None:
    site = await halo.site()

    said = message(await halo.post("Users", {"name": "A" * 256, "site_id": site}))

    assert said.startswith("A database error occurred (2628)")
    assert "column 'uusername'" in said


@pytest.mark.parametrize("value", ["ann", "1.5", "1_0", "99999999999999999999"])
async def test_an_id_that_is_no_number(halo: Halo, value: str) -> None:
    reply = await halo.get(f"Users/{value}")

    assert (reply.status_code, reply.json()) == (
        400,
        {"id": [f"The value '{value}' is not valid."]},
    )


async def test_what_is_not_there_is_404(halo: Halo) -> None:
    assert (await halo.get("Users/999")).status_code == 404
    assert (await halo.post("Users", {"id": 999, "name": "Ann"})).status_code == 404
    assert (await halo.get("Cupboards")).status_code == 404


@pytest.mark.parametrize("path", ["Users", "Asset", "Client", "Site", "AssetType"])
async def test_what_has_history_is_not_deleted(halo: Halo, path: str) -> None:
    if path in {"Users", "Asset"}:
        await halo.created(path, name="Ann", site_id=await halo.site(), assettype_id=await halo.workstation())
    (identity, *_) = [row["id"] for row in await halo.rows(path)]

    assert (await halo.http.delete(f"/api/{path}/{identity}")).status_code == 405
    assert (await halo.get(f"{path}/{identity}")).status_code == 200
