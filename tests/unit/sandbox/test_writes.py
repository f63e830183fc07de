"""POST: create without looking, update in part, and what several rows at once do."""

import asyncio
from datetime import datetime

import pytest

from tests.unit.sandbox.conftest import Halo


async def test_one_row_answers_with_the_record_itself(halo: Halo) -> None:
    reply = await halo.post("Client", {"name": "Globex"})

    assert reply.status_code == 201
    assert reply.json()["name"] == "Globex"
    assert reply.json()["inactive"] is False


async def test_nobody_looks_for_duplicates(halo: Halo) -> None:
    site = await halo.site()
    row = {"name": "Ann", "site_id": site, "emailaddress": "ann@acme.example"}

    first = await halo.created("Users", **row)
    second = await halo.created("Users", **row)

    assert first["id"] != second["id"]
    assert len(await halo.rows("Users", search="ann@acme.example")) == 2


async def test_an_id_updates_only_what_was_sent(halo: Halo) -> None:
    user = await halo.created("Users", name="Ann", site_id=await halo.site(), title="Dr")

    await halo.created("Users", id=user["id"], title="Prof")

    now = (await halo.get(f"Users/{user['id']}")).json()
    assert (now["name"], now["title"]) == ("Ann", "Prof")
    assert len(await halo.rows("Users")) == 1


async def test_id_zero_is_a_new_record(halo: Halo) -> None:
    assert (await halo.created("Client", id=0, name="Globex"))["id"] > 0


async def test_ids_of_two_kinds_never_coincide(halo: Halo) -> None:
    assert not {row["id"] for row in await halo.rows("Client")} & {
        row["id"] for row in await halo.rows("Site")
    }


async def test_foreign_keys_read_back_as_halo_types_them(halo: Halo) -> None:
    user = await halo.created("Users", name="Ann", site_id=await halo.site())
    asset = await halo.created("Asset", assettype_id=await halo.workstation(), site_id=await halo.site())

    assert isinstance(user["site_id"], float)
    assert isinstance(user["site_id_int"], int)
    assert isinstance(asset["site_id"], int)


async def test_a_new_client_comes_with_a_site(halo: Halo) -> None:
    client = await halo.created("Client", name="Globex")
    other = await halo.created("Client", name="Initech", newclient_sitename="Tower")

    (site,) = await halo.rows("Site", client_id=client["id"])
    assert (site["id"], site["name"]) == (client["main_site_id"], "Main")
    assert site["clientsite_name"] == "Globex/Main"
    assert other["main_site_name"] == "Tower"


async def test_a_user_belongs_to_the_client_of_the_site(halo: Halo) -> None:
    client = await halo.created("Client", name="Globex")

    user = await halo.created("Users", name="Ann", site_id=client["main_site_id"], client_id=101)

    assert (user["client_id"], user["client_name"]) == (client["id"], "Globex")


async def test_names_follow_when_a_site_is_renamed(halo: Halo) -> None:
    site = await halo.site()
    user = await halo.created("Users", name="Ann", site_id=site)

    await halo.created("Site", id=site, name="Harbour")

    assert (await halo.get(f"Users/{user['id']}")).json()["site_name"] == "Harbour"


async def test_custom_fields_are_merged(halo: Halo) -> None:
    user = await halo.created(
        "Users",
        name="Ann",
        site_id=await halo.site(),
        customfields=[{"name": "CFBadge", "value": "1"}, {"name": "CFDoor", "value": "2"}],
    )

    again = await halo.created("Users", id=user["id"], customfields=[{"name": "cfbadge", "value": "9"}])

    assert [field["value"] for field in again["customfields"]] == ["9", "2"]


async def test_a_write_moves_the_time_of_the_last_update(halo: Halo) -> None:
    user = await halo.created("Users", name="Ann", site_id=await halo.site())
    again = await halo.created("Users", id=user["id"], title="Dr", ulastupdate="2001-01-01")

    assert again["datecreated"] == user["datecreated"]
    assert datetime.fromisoformat(again["ulastupdate"]) > datetime.fromisoformat(user["ulastupdate"])


GOOD = {"name": "Ann"}
BAD = {"website": "no name"}
LAST = {"name": "Cid"}


async def names(halo: Halo) -> set[str]:
    return {client["name"] for client in await halo.rows("Client")} - {"Acme"}


@pytest.mark.parametrize(
    ("multi", "status", "stored"),
    [
        ("list", 400, {"Ann"}),
        ("first", 400, {"Ann"}),
        ("all_or_nothing", 400, set()),
        ("per_row", 201, {"Ann", "Cid"}),
    ],
)
async def test_one_bad_row_of_three(halo: Halo, multi: str, status: int, stored: set[str]) -> None:
    await halo.control("PUT", "switches", {"multi": multi})

    reply = await halo.post("Client", GOOD, BAD, LAST)

    assert reply.status_code == status
    assert await names(halo) == stored
    if multi == "per_row":
        first, second, third = reply.json()
        assert (first["name"], third["name"]) == ("Ann", "Cid")
        assert "(515)" in second["error"]["Message"]


@pytest.mark.parametrize("multi", ["list", "first", "all_or_nothing", "per_row"])
async def test_a_bad_row_alone_is_always_a_400(halo: Halo, multi: str) -> None:
    await halo.control("PUT", "switches", {"multi": multi})

    assert (await halo.post("Client", BAD)).status_code == 400


@pytest.mark.parametrize("multi", ["list", "all_or_nothing", "per_row"])
async def test_several_good_rows_answer_as_a_list(halo: Halo, multi: str) -> None:
    await halo.control("PUT", "switches", {"multi": multi})

    reply = await halo.post("Client", GOOD, LAST)

    assert [client["name"] for client in reply.json()] == ["Ann", "Cid"]


async def test_several_good_rows_may_answer_with_the_first_alone(halo: Halo) -> None:
    await halo.control("PUT", "switches", {"multi": "first"})

    reply = await halo.post("Client", GOOD, LAST)

    assert reply.json()["name"] == "Ann"
    assert await names(halo) == {"Ann", "Cid"}


async def test_several_rows_may_come_back_as_one_because_only_one_was_stored(halo: Halo) -> None:
    await halo.control("PUT", "switches", {"multi": "one"})

    reply = await halo.post("Client", {"name": "Globex"}, {"name": "Initech"})

    assert reply.json()["name"] == "Globex"
    assert {row["name"] for row in await halo.rows("Client")} == {"Acme", "Globex"}


async def test_writes_at_the_same_time_keep_apart(halo: Halo) -> None:
    site = await halo.site()

    users = await asyncio.gather(*(halo.created("Users", name=f"User {n}", site_id=site) for n in range(30)))

    assert len({user["id"] for user in users}) == 30
    assert len(await halo.rows("Users", count=100)) == 30
