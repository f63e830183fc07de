"""Every kind of record at Halo: how it is known, found, written and taken out of use, and what hangs on it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from halo_agent.engine.changes import Applied, Create
from halo_agent.engine.records import Desired, Fields, Place, TargetRecord
from halo_agent.targets.halo import HaloTarget, Use
from halo_agent.targets.halo.resources import KINDS
from halo_sandbox.server import Sandbox, running
from halo_shared.entities import EntityKind
from halo_shared.errors import AmbiguousMatch, MappingInvalid, RecordRefused, StillNeeded, Unplaced
from halo_shared.integrations import ImportSwitches
from tests.contract.target import applied
from tests.unit.agent.targets.support import (
    Ear,
    HurriedClock,
    Levers,
    halo,
    levers,
    machine,
    person,
    retire,
    update,
)

CLIENTS, SITES, USERS = EntityKind.CLIENTS, EntityKind.SITES, EntityKind.USERS
TECHNICIANS, ASSETS = EntityKind.TECHNICIANS, EntityKind.ASSETS


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running() as sandbox:
        yield sandbox


@pytest.fixture
async def hands(sandbox: Sandbox) -> AsyncIterator[Levers]:
    async with levers(sandbox) as hands:
        yield hands


@pytest.fixture
async def target(sandbox: Sandbox) -> AsyncIterator[HaloTarget]:
    async with halo(sandbox) as target:
        yield target


def linked(kind: EntityKind, id_: str, name: str, **always: object) -> Desired:
    """A wish for a record known by its external link."""
    fields: Fields = {"name": name, **always}  # type: ignore[dict-item]  # scalars, all of them
    return replace(
        person(id_, name=name), kind=kind, identity=("external_link", id_), always=fields, place=None
    )


def technician(id_: str, name: str = "Tess Ek") -> Desired:
    return replace(person(id_, name=name), kind=TECHNICIANS, place=None, identity=("third_party_guid", id_))


async def create(target: HaloTarget, wish: Desired) -> int:
    return (await applied(target, Create(wish, reason="not in Halo yet"))).halo_id


async def found(target: HaloTarget, *wishes: Desired, match: tuple[str, ...] = ()) -> dict[int, TargetRecord]:
    return {record.id: record async for record in target.candidates(wishes, match)}


async def fetched(target: HaloTarget, kind: EntityKind, id_: int, *beside: str) -> TargetRecord:
    (record,) = [record async for record in target.fetch(kind, [id_], beside)]
    return record


async def links(hands: Levers) -> list[dict[str, Any]]:
    return await hands.held("ExternalLink")


# --- clients and sites, known by external links ---


async def test_a_client_is_made_with_its_link_and_found_by_it(target: HaloTarget, hands: Levers) -> None:
    wish = linked(CLIENTS, "C-7", "Globex")
    id_ = await create(target, wish)

    (link,) = await links(hands)
    assert (link["table_id"], link["halo_id"], link["third_party_type"]) == (2, id_, "people")
    assert (await found(target, linked(CLIENTS, "c-7", "Renamed")))[id_].fields["external_link"] == "C-7"
    assert (await fetched(target, CLIENTS, id_)).fields["external_link"] == "C-7"
    assert "GET /api/ExternalLink" in await hands.counts()


async def test_a_site_belongs_to_the_client_that_the_wish_names(target: HaloTarget, hands: Levers) -> None:
    client = await create(target, linked(CLIENTS, "C-7", "Globex"))
    site = await create(target, linked(SITES, "S-1", "Harbour", client_id=client))

    shown = {row["name"]: row for row in await hands.held("Site")}
    assert (shown["Harbour"]["id"], shown["Harbour"]["client_name"]) == (site, "Globex")


async def test_a_site_without_a_client_is_said_to_be_unplaced(target: HaloTarget) -> None:
    with pytest.raises(Unplaced, match="which client"):
        await create(target, linked(SITES, "S-1", "Harbour"))
    with pytest.raises(Unplaced, match="near to it are: Acme"):
        await create(target, replace(linked(SITES, "S-1", "Harbour"), place=Place("Acne", "")))


async def test_the_sites_of_a_name_are_asked_for_at_their_own_client(
    target: HaloTarget, hands: Levers
) -> None:
    await hands.plant("Client", [{"name": f"Client {number}"} for number in range(130)])
    (site,) = [row for row in await hands.held("Site") if row["client_name"] == "Client 7"]
    wish = linked(SITES, "S-1", "Main", client_id=int(site["client_id"]))
    await hands.forget()

    records = await found(target, wish, match=("name",))

    assert list(records) == [site["id"]]
    assert sum((await hands.counts()).values()) <= 5


async def test_a_client_that_is_recognised_otherwise_is_linked_by_the_update(
    target: HaloTarget, hands: Levers
) -> None:
    (acme,) = await hands.held("Client")
    wish = linked(CLIENTS, "C-1", "Acme")
    existing = await fetched(target, CLIENTS, acme["id"])
    await hands.fault("drop", path="/api/ExternalLink", method="POST")

    change = replace(update(wish, existing), fields={"external_link": "C-1", "notes": "known"})
    await applied(target, change)
    await applied(target, change)

    assert [(link["halo_id"], link["third_party_id"]) for link in await links(hands)] == [(acme["id"], "C-1")]


async def test_links_of_another_integration_are_not_ours(sandbox: Sandbox, target: HaloTarget) -> None:
    id_ = await create(target, linked(CLIENTS, "C-7", "Globex"))

    async with halo(sandbox, use=Use(label="assets")) as other:
        assert (await fetched(other, CLIENTS, id_)).fields.get("external_link") is None
        records = await found(other, linked(CLIENTS, "C-7", "Globex"))

    assert all("external_link" not in record.fields for record in records.values())


async def test_a_lost_client_of_which_halo_kept_no_link_is_not_made_again(
    target: HaloTarget, hands: Levers
) -> None:
    await hands.plant("Client", [{"name": "Globex"}])  # as if it were stored, and its link forgotten
    await hands.fault("cut", path="/api/Client", method="POST")

    with pytest.raises(AmbiguousMatch, match=r"called 'Globex' .* that is not linked"):
        await create(target, linked(CLIENTS, "C-7", "Globex"))

    assert len(await hands.held("Client")) == 2


async def test_many_links_are_listed_rather_than_asked_for(target: HaloTarget, hands: Levers) -> None:
    wishes = [linked(CLIENTS, f"C-{number}", f"Client {number}") for number in range(12)]
    async for _ in target.apply([Create(wish, reason="not in Halo yet") for wish in wishes]):
        pass
    await hands.forget()

    records = await found(target, *wishes)

    assert {record.fields.get("external_link") for record in records.values()} >= {
        f"C-{n}" for n in range(12)
    }
    assert await hands.counts() == {"GET /api/Client": 1, "GET /api/ExternalLink": 1}


# --- technicians ---


async def test_a_technician_is_made_found_disabled_and_enabled(target: HaloTarget, hands: Levers) -> None:
    wish = technician("t-1")
    id_ = await create(target, wish)

    await applied(target, retire(wish, id_))
    assert (await hands.held("Agent"))[0]["isdisabled"] is True
    disabled = (await found(target, wish))[id_]
    assert not disabled.active
    await applied(target, update(wish, disabled, reactivate=True))

    record = await fetched(target, TECHNICIANS, id_)
    assert (record.active, record.fields["is_me"]) == (True, False)


async def test_an_identity_that_halo_does_not_have_is_refused_before_anything_is_made(
    target: HaloTarget, hands: Levers
) -> None:
    with pytest.raises(
        MappingInvalid, match=r"mapping.technicians.identity: this Halo has no field 'azureoid'"
    ):
        await create(target, replace(technician("t-1"), identity=("azureoid", "t-1")))

    assert await hands.held("Agent") == []


async def test_where_halo_does_not_describe_itself_the_first_record_shows_that_its_identity_is_not_kept(
    target: HaloTarget, hands: Levers
) -> None:
    await hands.fault("html", status=404, path="/api/swagger/*", times=100)
    wishes = [replace(technician(f"t-{n}"), identity=("azureoid", f"t-{n}")) for n in range(9)]

    with pytest.raises(MappingInvalid, match="did not keep 'azureoid' with it"):
        async for _ in target.apply([Create(wish, reason="not in Halo yet") for wish in wishes]):
            pass

    assert len(await hands.held("Agent")) == 1


async def test_a_field_that_halo_would_ignore_is_said_once(sandbox: Sandbox) -> None:
    ear = Ear()
    async with halo(sandbox, tell=ear) as target:
        for number in range(3):
            await create(target, person(f"a-{number}", emailadress="a@acme.example"))

    (said,) = [text for text in ear.heard if "ignores it" in text]
    assert "no field 'emailadress'" in said
    assert "emailaddress" in said


# --- users ---


async def test_what_protects_a_user_is_shown(target: HaloTarget, hands: Levers) -> None:
    id_ = await create(target, person("a-1"))
    await hands.plant("Tickets", [{"summary": "Printer", "user_id": id_}])

    record = await fetched(target, USERS, id_)

    assert record.fields["open_ticket_count"] == 1
    assert not record.fields.get("linked_agent_id")


async def test_a_user_to_whom_a_ticket_came_meanwhile_is_not_retired(sandbox: Sandbox, hands: Levers) -> None:
    async with halo(sandbox, use=Use("people", open_tickets=True)) as target:
        wish = person("a-1")
        id_ = await create(target, wish)
        await hands.plant("Tickets", [{"summary": "Printer", "user_id": id_}])
        with pytest.raises(StillNeeded, match="1 open tickets"):
            await applied(target, retire(wish, id_))
        (ticket,) = await hands.held("Tickets")
        await hands.plant("Tickets", [{"id": ticket["id"], "hasbeenclosed": True}])

        await applied(target, retire(wish, id_))

    assert (await hands.held("Users"))[0]["inactive"] is True


async def test_the_manager_is_known_by_the_address(target: HaloTarget, hands: Levers) -> None:
    id_ = await create(target, person("a-1", manager_email="boss@acme.example"))

    assert (await fetched(target, USERS, id_)).fields["manager_email"] == "boss@acme.example"


# --- assets ---


async def test_users_software_parent_and_custom_fields_hang_on_an_asset(
    target: HaloTarget, hands: Levers
) -> None:
    anna, bert = await create(target, person("a-1")), await create(target, person("b-1", name="Bert"))
    rack = await create(target, machine("1", "RACK"))
    wish = machine(
        "7",
        "PC-7",
        always={
            "users": (str(anna), str(bert)),
            "software": ("7-Zip\t24", "Office\t16"),
            "parent_id": rack,
            "CFLease": "2027",
            "fields.52": "X1",
        },
    )
    before = await fetched(target, ASSETS, await create(target, wish), "software")

    assert {name: before.fields[name] for name in wish.always} == dict(wish.always) | {
        "inventory_number": "PC-7"
    }
    assert before.fields["fields.Model"] == "X1"

    change = replace(
        update(wish, before), fields={"users": (), "software": ("Office\t16",), "CFLease": "2028"}
    )
    await applied(target, change)
    after = await fetched(target, ASSETS, before.id, "software")

    assert (after.fields["users"], after.fields["software"]) == ((), ("Office\t16",))
    assert (after.fields["CFLease"], after.fields["parent_id"]) == ("2028", rack)


async def test_software_is_read_only_if_it_is_wanted(target: HaloTarget, hands: Levers) -> None:
    id_ = await create(target, machine("7", "PC-7", always={"software": ("Office\t16",)}))
    await hands.forget()

    assert "software" not in (await fetched(target, ASSETS, id_)).fields
    assert "GET /api/AssetSoftware" not in await hands.counts()


async def test_an_asset_may_be_retired_to_a_status(target: HaloTarget) -> None:
    wish = machine("7", "PC-7")
    id_ = await create(target, wish)

    await applied(target, replace(retire(wish, id_), fields={"status_id": 9}))

    record = await fetched(target, ASSETS, id_)
    assert (record.active, record.fields["status_id"]) == (True, 9)


# --- switches ---


@pytest.mark.parametrize(
    ("switches", "sent"),
    [
        (ImportSwitches(), {"_isimport", "_dont_fire_automations"}),
        (ImportSwitches(donotvalidate=True, isimport=False), {"_donotvalidate", "_dont_fire_automations"}),
    ],
)
async def test_switches_are_sent_where_the_instance_has_them(
    sandbox: Sandbox, hands: Levers, switches: ImportSwitches, sent: set[str]
) -> None:
    async with halo(sandbox, use=Use("people", switches=switches)) as target:
        hints = await target._switches.hints(KINDS[ASSETS])
        users = await target._switches.hints(KINDS[USERS])

    assert set(hints) == sent
    assert "_donotvalidate" not in users  # Users has no such property


@pytest.mark.parametrize("mode", ["obeyed", "ignored"])
async def test_halo_is_asked_to_validate_first_and_one_that_stores_instead_makes_no_second(
    sandbox: Sandbox, hands: Levers, mode: str
) -> None:
    await hands.switches(validate_only=mode)
    async with halo(sandbox, use=Use("people", switches=ImportSwitches(validateonly=True))) as target:
        id_ = await create(target, machine("7", "PC-7"))
        with pytest.raises(RecordRefused, match="too long"):
            await create(target, machine("8", "x" * 5_000))

    assert [row["id"] for row in await hands.held("Asset")] == [id_]
    posts = (await hands.counts())["POST /api/Asset"]
    assert posts == (3 if mode == "obeyed" else 2)


# --- speed: what a change and an unchanged record cost ---


async def test_an_answer_lost_while_others_come_slows_nobody_down(sandbox: Sandbox, hands: Levers) -> None:
    clock = HurriedClock()
    async with halo(sandbox, clock) as target:
        await hands.fault("drop", path="/api/Users", method="POST")
        answers = [
            one async for one in target.apply([Create(person(f"a-{n}"), reason="new") for n in range(6)])
        ]

    assert all(isinstance(answer, Applied) for _, answer in answers)
    assert len(await hands.held("Users")) == 6
    assert sum(clock.slept) < 5
