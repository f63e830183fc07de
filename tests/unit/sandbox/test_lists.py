"""Lists: envelope or bare array, pages of at most a hundred, filters that mean what Halo means."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.sandbox.conftest import Halo


async def people(halo: Halo, count: int) -> list[int]:
    site = await halo.site()
    rows = [{"name": f"User {n:03}", "site_id": site} for n in range(count)]
    await halo.post("Users", *rows)
    return [user["id"] for user in (await halo.control("GET", "held/users")).json()]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("Client", "clients"),
        ("Site", "sites"),
        ("Users", "users"),
        ("Asset", "assets"),
        ("ExternalLink", "links"),
        ("IntegrationError", "errors"),
        ("users", "users"),
    ],
)
async def test_envelopes(halo: Halo, path: str, key: str) -> None:
    body = (await halo.get(path, pageinate="true")).json()

    assert set(body) == {"page_no", "page_size", "record_count", key}
    assert body["record_count"] == len(body[key])


@pytest.mark.parametrize("path", ["AssetType", "AssetGroup", "Field"])
async def test_configuration_is_a_bare_array(halo: Halo, path: str) -> None:
    body = (await halo.get(path, pageinate="true", page_size=1)).json()

    assert isinstance(body, list)
    assert body


async def test_a_page_is_cut_at_a_hundred_without_a_word(halo: Halo) -> None:
    ids = await people(halo, 230)
    collected = []
    for number in (1, 2, 3, 4):
        body = (await halo.get("Users", pageinate="true", page_size=1000, page_no=number)).json()
        assert (body["page_no"], body["page_size"], body["record_count"]) == (number, 100, 230)
        collected.append([user["id"] for user in body["users"]])

    assert [len(page) for page in collected] == [100, 100, 30, 0]
    assert [identity for page in collected for identity in page] == ids


async def test_without_paging_a_list_is_short(halo: Halo) -> None:
    await people(halo, 60)

    body = (await halo.get("Users")).json()

    assert (len(body["users"]), body["record_count"]) == (50, 60)
    assert "page_no" not in body
    assert len(await halo.rows("Users", count=55)) == 55


async def test_the_correct_spelling_does_not_page(halo: Halo) -> None:
    await people(halo, 3)

    assert len(await halo.rows("Users", paginate="true", page_size=1)) == 3


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("pageinate", "1"),
        ("page_size", "many"),
        ("client_id", "acme"),
        ("includeinactive", "yes"),
        ("lastupdatefromdate", "yesterday"),
    ],
)
async def test_a_parameter_of_the_wrong_type(halo: Halo, parameter: str, value: str) -> None:
    reply = await halo.get("Users", **{"pageinate": "true", parameter: value})

    assert reply.status_code == 400
    assert reply.json() == {parameter: [f"The value '{value}' is not valid."]}


async def test_inactive_rows_are_shown_on_request(halo: Halo) -> None:
    kept, gone = await people(halo, 2)
    await halo.created("Users", id=gone, inactive=True)

    async def shown(**query: str) -> set[int]:
        return {user["id"] for user in await halo.rows("Users", **query)}

    assert await shown() == {kept}
    assert await shown(includeinactive="true") == {kept, gone}
    assert await shown(includeinactive="true", includeactive="false") == {gone}
    assert (await halo.get(f"Users/{gone}")).json()["inactive"] is True


async def test_by_client_and_site(halo: Halo) -> None:
    client = await halo.created("Client", name="Globex")
    site = await halo.created("Site", name="North", client_id=client["id"])
    await people(halo, 1)
    ann = await halo.created("Users", name="Ann", site_id=site["id"])

    assert [user["id"] for user in await halo.rows("Users", client_id=client["id"])] == [ann["id"]]
    assert [user["id"] for user in await halo.rows("Users", site_id=site["id"])] == [ann["id"]]
    assert len(await halo.rows("Site", client_id=client["id"])) == 2


async def test_search_looks_into_names_and_addresses_only(halo: Halo) -> None:
    await halo.created(
        "Users",
        name="Ann 100% Müller",
        site_id=await halo.site(),
        emailaddress="Ann.M@acme.example",
        azureoid="0a1b",
        samaccountname="amuller",
    )

    async def found(text: str) -> int:
        return len(await halo.rows("Users", search=text))

    assert await found("ann.m@ACME") == 1
    assert await found("100%") == 1
    assert await found("%") == 1
    assert await found("0%0") == 0
    assert await found("0a1b") == 0
    assert await found("amuller") == 0


async def test_advanced_search_finds_the_azure_id(halo: Halo) -> None:
    site = await halo.site()
    await halo.created("Users", name="Ann", site_id=site, azureoid="0a1b")
    await halo.created("Users", name="Bob", site_id=site, azureoid="9f")
    wanted = [{"filter_name": "azureoid", "filter_type": 2, "filter_value": "0A1B"}]

    (ann,) = await halo.rows("Users", advanced_search=json.dumps(wanted))

    assert ann["name"] == "Ann"


@pytest.mark.parametrize(
    "wanted",
    [
        "azureoid=0a1b",
        "{}",
        "[1]",
        '[{"filter_name": "azureoid", "filter_value": "0a1b"}]',
        '[{"filter_name": "azureoid", "filter_type": 1, "filter_value": "0a1b"}]',
        '[{"filter_name": "title", "filter_type": 2, "filter_value": "Dr"}]',
        '[{"filter_name": "azureoid", "filter_type": 2, "filter_value": ["0a1b"]}]',
    ],
)
async def test_advanced_search_that_is_not_understood(halo: Halo, wanted: str) -> None:
    reply = await halo.get("Users", advanced_search=wanted)

    assert (reply.status_code, reply.json()) == (400, "Invalid advanced search parameter")


async def test_changed_since(halo: Halo) -> None:
    await people(halo, 1)
    later = datetime.now(UTC) + timedelta(hours=1)
    earlier = later - timedelta(hours=2)

    assert len(await halo.rows("Users", lastupdatefromdate=earlier.isoformat())) == 1
    assert await halo.rows("Users", lastupdatefromdate=later.isoformat()) == []
    assert await halo.rows("Users", lastupdatetodate=earlier.isoformat()) == []


async def test_order(halo: Halo) -> None:
    site = await halo.site()
    for name, title in (("bob", "b"), ("Ann", "b"), ("Cid", "a")):
        await halo.created("Users", name=name, site_id=site, title=title)

    async def ordered(**query: str) -> list[str]:
        return [user["name"] for user in await halo.rows("Users", **query)]

    assert await ordered() == ["bob", "Ann", "Cid"]
    assert await ordered(order="name") == ["Ann", "bob", "Cid"]
    assert await ordered(order="name", orderdesc="true") == ["Cid", "bob", "Ann"]
    assert await ordered(order="title", order2="name") == ["Cid", "Ann", "bob"]
    assert (await halo.get("Users", order="name; drop table")).status_code == 400


async def test_clients_by_name_only(halo: Halo) -> None:
    await halo.created("Client", name="Globex", accountsid="Acme-2")

    assert [c["name"] for c in await halo.rows("Client", search_name_only="acme")] == ["Acme"]
    assert (await halo.get("Asset", search_name_only="acme")).status_code == 200
