"""Records of all kinds and what they are to each other: clients, sites, users, technicians, assets."""

from dataclasses import replace

import pytest

from halo_agent.engine.changes import Create, Retire, Update
from halo_agent.engine.records import Place, PlaceIds, Role, SourceRecord, TargetRecord, Value
from halo_agent.engine.sync import Outcome, sync
from halo_shared.entities import EntityKind
from halo_shared.limits import Limits
from halo_shared.messages.commands import Assignment
from halo_shared.runs import Action, Mode, RunStatus, Tally
from tests.support.engine import IDENTITY, MemorySource, World, estate, held, refers, thing, whole

CLIENTS, SITES, USERS, TECHNICIANS, ASSETS = EntityKind
ACME = thing(CLIENTS, "acme")
AT_ACME = refers(Role.CLIENT, CLIENTS, "ACME")
HQ = thing(SITES, "hq", AT_ACME)
AT_HQ = (AT_ACME, refers(Role.SITE, SITES, "hq"))
ANNA = thing(USERS, "anna", *AT_HQ, refers(Role.MANAGER, USERS, "bo"), mail="anna@acme.example")
BO = thing(USERS, "bo", *AT_HQ, refers(Role.MANAGER, USERS, "anna"), mail="bo@acme.example")
TOM = thing(TECHNICIANS, "tom")
RACK = thing(ASSETS, "rack", *AT_HQ, refers(Role.PARENT, ASSETS, "room"))
ROOM = thing(ASSETS, "room", *AT_HQ, refers(Role.PARENT, ASSETS, "rack"))
LAPTOP = thing(
    ASSETS, "laptop", *AT_HQ, refers(Role.USER, USERS, "anna"), refers(Role.USER, USERS, "Bo")
)  # fmt: skip
# In an order that is wrong for everything.
ALL = (LAPTOP, RACK, ROOM, TOM, ANNA, BO, HQ, ACME)


@pytest.fixture(autouse=True)
def _whole(world: World) -> None:
    world.halo.before_write = whole(world.halo)


async def synced(world: World, *records: SourceRecord, assigned: Assignment | None = None) -> Outcome:
    return await sync(world.attempt(MemorySource(records), assigned or estate()))


def in_halo(world: World, id_: str) -> TargetRecord:
    """The record that has this id of the source."""
    (found,) = [one for one in world.halo.records.values() if one.fields.get(IDENTITY) == id_]
    return found


def users_of(world: World, id_: str) -> Value:
    return in_halo(world, id_).fields["users"]


def ids(world: World, *source_ids: str) -> tuple[str, ...]:
    return tuple(sorted(str(in_halo(world, one).id) for one in source_ids))


class TestReferences:
    async def test_everything_is_written_in_the_order_in_which_it_refers_to_each_other(
        self, world: World
    ) -> None:
        assert await synced(world, *ALL) == Outcome(RunStatus.SUCCEEDED)

        acme, hq = in_halo(world, "acme"), in_halo(world, "hq")
        assert hq.fields["client_id"] == acme.id
        anna = in_halo(world, "anna")
        assert (anna.fields["client_id"], anna.fields["site_id"]) == (acme.id, hq.id)
        assert users_of(world, "laptop") == ids(world, "anna", "bo")

    async def test_circles_are_closed_in_a_second_pass(self, world: World) -> None:
        await synced(world, *ALL)

        rack, room = in_halo(world, "rack"), in_halo(world, "room")
        assert (rack.fields["parent_id"], room.fields["parent_id"]) == (room.id, rack.id)
        assert in_halo(world, "anna").fields["manager_email"] == "bo@acme.example"
        assert in_halo(world, "bo").fields["manager_email"] == "anna@acme.example"

    async def test_a_second_run_asks_and_writes_nothing(self, world: World) -> None:
        await synced(world, *ALL)
        world.forget_calls()

        assert await synced(world, *ALL) == Outcome(RunStatus.SUCCEEDED)
        assert world.halo.asked.total() == 0

    async def test_who_is_referred_to_may_come_later(self, world: World) -> None:
        assert await synced(world, ACME, HQ, ANNA, LAPTOP) == Outcome(RunStatus.SUCCEEDED)
        assert "manager_email" not in in_halo(world, "anna").fields
        assert users_of(world, "laptop") == ids(world, "anna")
        world.forget_calls()
        await synced(world, ACME, HQ, ANNA, LAPTOP)
        assert world.halo.asked.total() == 0

        await synced(world, *ALL)

        assert in_halo(world, "anna").fields["manager_email"] == "bo@acme.example"
        assert users_of(world, "laptop") == ids(world, "anna", "bo")
        world.forget_calls()
        await synced(world, *ALL)
        assert world.halo.asked.total() == 0

    async def test_a_changed_reference_is_the_only_thing_that_is_sent(self, world: World) -> None:
        await synced(world, *ALL)
        world.forget_calls()

        moved = replace(RACK, references=(*AT_HQ, refers(Role.PARENT, ASSETS, "laptop")))
        await synced(world, *(moved if one is RACK else one for one in ALL))

        (update,) = world.halo.written
        assert isinstance(update, Update)
        assert update.fields == {"parent_id": in_halo(world, "laptop").id}

    async def test_what_has_no_place_because_its_client_was_refused_is_reported_and_comes_later(
        self, world: World
    ) -> None:
        world.halo.refuses = lambda change: change.source_id == "acme"

        assert await synced(world, ACME, HQ, ANNA) == Outcome(RunStatus.PARTIAL)
        assert [one[:2] for one in world.heard.records] == [(id_, "failed") for id_ in ("acme", "hq", "anna")]
        assert "It belongs to client 'ACME' of the source, which is not in Halo" in world.heard.records[1][2]
        assert world.halo.written == []

        world.halo.refuses = lambda _: False
        assert await synced(world, ACME, HQ, ANNA) == Outcome(RunStatus.SUCCEEDED)

    async def test_a_user_may_be_told_by_an_attribute_though_another_integration_keeps_users(
        self, world: World
    ) -> None:
        world.halo.records[700] = held(700, emailaddress="anna@acme.example")
        world.halo.records[701] = held(701, emailaddress="twice@acme.example")
        world.halo.records[702] = held(702, emailaddress="twice@acme.example")
        pc = replace(LAPTOP, references=(*AT_HQ, refers(Role.USER, USERS, "Anna@acme.example", "mail")))
        shared = thing(ASSETS, "shared", *AT_HQ, refers(Role.USER, USERS, "twice@acme.example", "mail"))

        await synced(world, ACME, HQ, pc, shared, assigned=estate(CLIENTS, SITES, ASSETS))

        assert users_of(world, "laptop") == ("700",)
        assert "users" not in in_halo(world, "shared").fields

    async def test_without_links_everything_is_found_again_from_halo_alone(self, world: World) -> None:
        await synced(world, *ALL)
        world.forget_calls()
        for table in ("links", "expected", "places"):
            await world.store._db.execute(f"DELETE FROM {table}")  # noqa: S608 - constants

        assert await synced(world, *ALL) == Outcome(RunStatus.SUCCEEDED)
        assert world.halo.written == []


class TestSwitches:
    async def test_users_that_are_gone_from_an_asset_are_taken_away(self, world: World) -> None:
        await synced(world, *ALL)
        only = replace(LAPTOP, references=(*AT_HQ, refers(Role.USER, USERS, "bo")))

        await synced(world, *(only if one is LAPTOP else one for one in ALL))

        assert users_of(world, "laptop") == ids(world, "bo")

    async def test_dontremoveusers_only_adds(self, world: World) -> None:
        await synced(world, *ALL)
        only = replace(LAPTOP, references=(*AT_HQ, refers(Role.USER, USERS, "bo")))

        await synced(
            world,
            *(only if one is LAPTOP else one for one in ALL),
            assigned=estate(assets={"dontremoveusers": True}),
        )

        assert users_of(world, "laptop") == ids(world, "anna", "bo")

    @pytest.mark.parametrize(("dont", "moves"), [(False, True), (True, False)])
    async def test_dontupdatesite_leaves_a_record_where_it_is(
        self, world: World, dont: bool, moves: bool
    ) -> None:
        await synced(world, *ALL)
        depot = thing(SITES, "depot", AT_ACME)
        there = replace(ANNA, references=(AT_ACME, refers(Role.SITE, SITES, "depot"), ANNA.references[-1]))
        others = [one for one in ALL if one is not ANNA]

        # The first run makes the site, so that the second can move somebody there.
        await synced(world, depot, *ALL)
        await synced(world, depot, there, *others, assigned=estate(users={"dontupdatesite": dont}))

        assert (in_halo(world, "anna").fields["site_id"] == in_halo(world, "depot").id) is moves

    async def test_a_record_follows_to_a_site_that_is_made_in_the_same_run(self, world: World) -> None:
        await synced(world, *ALL)
        depot = thing(SITES, "depot", AT_ACME)
        there = replace(ANNA, references=(AT_ACME, refers(Role.SITE, SITES, "depot"), ANNA.references[-1]))

        await synced(world, depot, there, *(one for one in ALL if one is not ANNA))

        assert in_halo(world, "anna").fields["site_id"] == in_halo(world, "depot").id

    async def test_useusers_site_puts_an_asset_where_its_user_is(self, world: World) -> None:
        pc = thing(ASSETS, "pc", refers(Role.USER, USERS, "anna"))

        await synced(world, ACME, HQ, ANNA, pc, assigned=estate(assets={"useusers_site": True}))

        assert in_halo(world, "pc").fields["site_id"] == in_halo(world, "hq").id

    async def test_updateonly_creates_nothing_and_looks_once(self, world: World) -> None:
        world.halo.records[700] = held(700, emailaddress="anna@acme.example", site_id=1, name="Old")
        assigned = estate(USERS, users={"updateonly": True, "place": {"client": "Acme"}})

        outcomes = []
        for _ in range(2):
            world.forget_calls()
            outcomes.append(
                await synced(
                    world, replace(ANNA, references=()), replace(BO, references=()), assigned=assigned
                )
            )

        assert outcomes == [Outcome(RunStatus.SUCCEEDED)] * 2
        assert world.halo.asked.total() == 0
        assert list(world.halo.records) == [700]
        assert world.halo.records[700].fields["name"] == "anna"

    @pytest.mark.parametrize(("dont", "type_id"), [(False, 2), (True, 1)])
    async def test_dontupdatetype_leaves_the_type(self, world: World, dont: bool, type_id: int) -> None:
        pc = thing(ASSETS, "pc", os="Windows Server")
        assigned = estate(ASSETS, assets={"place": {"client": "Acme"}, "dontupdatetype": dont})
        world.halo.records[700] = held(700, kind=ASSETS, azureoid="pc", assettype_id=1)

        await synced(world, pc, assigned=assigned)
        await synced(world, replace(pc, attributes={**pc.attributes, "name": "pc2"}), assigned=assigned)

        assert world.halo.records[700].fields["assettype_id"] == type_id

    async def test_the_default_type_changes_nobody_s(self, world: World) -> None:
        world.halo.records[700] = held(700, kind=ASSETS, azureoid="pc", assettype_id=2)

        await synced(
            world, thing(ASSETS, "pc"), assigned=estate(ASSETS, assets={"place": {"client": "Acme"}})
        )

        assert world.halo.records[700].fields["assettype_id"] == 2


BY_NAME = {"place": {"names": {"client": "company"}, "client": "Acme"}}


class TestPlacing:
    async def test_names_are_learnt_so_that_a_renamed_client_keeps_its_people(self, world: World) -> None:
        world.halo.places[Place("Beta", "Main")] = PlaceIds(2, 22)
        assigned = estate(USERS, users=BY_NAME)
        await synced(world, thing(USERS, "bea", company="Beta"), assigned=assigned)
        del world.halo.places[Place("Beta", "Main")]
        world.halo.places[Place("Beta AB", "Main")] = PlaceIds(2, 22)

        await synced(
            world, thing(USERS, "bea", company="Beta"), thing(USERS, "ben", company="Beta"), assigned=assigned
        )

        assert in_halo(world, "ben").fields["site_id"] == 22

    async def test_a_name_that_halo_has_not_leaves_the_default(self, world: World) -> None:
        await synced(world, thing(USERS, "bea", company="Nowhere"), assigned=estate(USERS, users=BY_NAME))

        assert in_halo(world, "bea").fields["site_id"] == 11

    async def test_a_place_that_is_not_kept_in_step_leaves_it_to_the_mapping(self, world: World) -> None:
        world.halo.places[Place("Acme", "Harbour")] = PlaceIds(1, 12)
        names = {"names": {"client": "organization", "site": "location"}}
        room = thing(ASSETS, "room", *AT_HQ, organization="Acme", location="Harbour")

        outcome = await synced(world, room, assigned=estate(ASSETS, assets={"place": names}))

        assert outcome == Outcome(RunStatus.SUCCEEDED)
        assert in_halo(world, "room").fields["site_id"] == 12

    @pytest.mark.parametrize(
        ("place", "said"),
        [
            ({"client": "Gone"}, "Halo has no site 'Main' of client 'Gone'"),
            ({"names": {"client": "company"}}, "Halo has no site 'Main' of client 'Nowhere'"),
            (None, "Nothing says to which client bea belongs: give mapping.users.place"),
        ],
    )
    async def test_what_cannot_be_placed_is_listed(
        self, world: World, place: dict[str, object] | None, said: str
    ) -> None:
        bea, known = thing(USERS, "bea", company="Nowhere"), thing(USERS, "kim", company="Nowhere")
        world.halo.records[700] = held(700, azureoid="kim")

        outcome = await synced(world, bea, known, assigned=estate(USERS, users={"place": place}))

        assert outcome == Outcome(RunStatus.PARTIAL)
        ((id_, result, message),) = world.heard.records
        assert (id_, result) == ("bea", "skipped")
        assert said in message
        assert world.halo.records[700].fields["name"] == "kim"

    async def test_the_default_moves_nobody_and_a_rule_does(self, world: World) -> None:
        world.halo.places[Place("Acme", "HQ")] = PlaceIds(1, 12)
        world.halo.records[700] = held(700, azureoid="kim", site_id=99)
        world.halo.records[701] = held(701, azureoid="bea", site_id=99)
        rule = {"attribute": "dept", "equals": "it", "client": "Acme", "site": "HQ"}

        await synced(
            world,
            thing(USERS, "kim"),
            thing(USERS, "bea", dept="IT"),
            assigned=estate(USERS, users={"place": {"rules": [rule], "client": "Acme"}}),
        )

        assert [world.halo.records[id_].fields["site_id"] for id_ in (700, 701)] == [99, 12]


class TestRecognising:
    async def test_a_name_counts_within_the_client_only(self, world: World) -> None:
        world.halo.records[700] = held(700, name="anna", client_id=1)
        world.halo.records[701] = held(701, name="anna", client_id=2)
        bo = thing(USERS, "b", name="Bo")
        world.halo.records[702] = held(702, name="Bo", client_id=2)

        await synced(
            world, thing(USERS, "anna"), bo, assigned=estate(USERS, users={"place": {"client": "Acme"}})
        )

        assert world.halo.records[700].fields[IDENTITY] == "anna"
        assert IDENTITY not in world.halo.records[701].fields
        assert in_halo(world, "b").id not in {700, 701, 702}

    async def test_at_a_client_that_was_itself_recognised_a_moment_before(self, world: World) -> None:
        world.halo.records |= {
            700: held(700, kind=CLIENTS, name="acme"),
            701: held(701, kind=SITES, name="hq", client_id=999),
            702: held(702, kind=SITES, name="hq", client_id=700),
            703: held(703, kind=ASSETS, inventory_number="room", client_id=700, site_id=702),
        }
        assigned = estate(
            *(CLIENTS, SITES, ASSETS),
            clients={"match": ["name"]},
            sites={"match": [{"field": "name", "within": "client"}]},
            assets={"match": [{"field": "inventory_number", "within": "client"}]},
        )

        outcome = await synced(world, thing(ASSETS, "room", *AT_HQ), HQ, ACME, assigned=assigned)

        assert outcome == Outcome(RunStatus.SUCCEEDED)
        assert [in_halo(world, one).id for one in ("acme", "hq", "room")] == [700, 702, 703]

    async def test_the_list_of_what_never_matches_can_be_changed(self, world: World) -> None:
        world.halo.records = {
            700: held(700, emailaddress="shared@acme.example"),
            701: held(701, emailaddress="unknown"),
        }
        changed = {"never_match": ["Shared@acme.example"], "place": {"client": "Acme"}}

        await synced(
            world,
            thing(USERS, "a", mail="shared@acme.example"),
            thing(USERS, "b", mail="Unknown"),
            assigned=estate(USERS, users=changed),
        )

        assert IDENTITY not in world.halo.records[700].fields
        assert world.halo.records[701].fields[IDENTITY] == "b"


class TestRetiring:
    @pytest.mark.parametrize(
        ("kind", "fields", "said"),
        [
            (USERS, {"linked_agent_id": 7}, "it is the user of agent 7 of Halo"),
            (TECHNICIANS, {"is_admin": True}, "it is an administrator of Halo"),
        ],
    )
    async def test_agents_and_administrators_are_left_as_they_are(
        self, world: World, kind: EntityKind, fields: dict[str, Value], said: str
    ) -> None:
        assigned = estate(kind, users={"place": {"client": "Acme"}})
        world.halo.records[700] = replace(
            held(700, kind=kind), fields={"azureoid": "kim", "name": "kim", **fields}
        )
        await synced(world, thing(kind, "kim"), assigned=assigned)
        world.forget_calls()

        assert await synced(world, assigned=assigned) == Outcome(RunStatus.SUCCEEDED)
        assert world.halo.records[700].active
        assert said in " ".join(world.heard.remarks)
        world.forget_calls()
        await synced(world, assigned=assigned)
        assert world.halo.asked.total() == 0

    async def test_a_leaver_with_open_tickets_waits_where_that_is_wanted(self, world: World) -> None:
        waits = {"place": {"client": "Acme"}, "retire": {"not_with_open_tickets": True}}
        await synced(world, thing(USERS, "kim"), assigned=estate(USERS, users=waits))
        kim = in_halo(world, "kim")
        world.halo.records[kim.id] = replace(kim, fields={**kim.fields, "open_ticket_count": 2})

        assert await synced(world, assigned=estate(USERS, users=waits)) == Outcome(RunStatus.PARTIAL)
        assert "has 2 open tickets" in world.heard.records[0][2]
        world.halo.records[kim.id] = kim
        assert await synced(world, assigned=estate(USERS, users=waits)) == Outcome(RunStatus.SUCCEEDED)
        assert not in_halo(world, "kim").active

    async def test_what_never_retires_stays_in_use_and_is_looked_at_once(self, world: World) -> None:
        stays = estate(CLIENTS, clients={"retire": {"never": True}})
        await synced(world, ACME, assigned=stays)

        assert await synced(world, assigned=stays) == Outcome(RunStatus.SUCCEEDED)
        assert in_halo(world, "acme").active
        world.forget_calls()
        await synced(world, assigned=stays)
        assert world.halo.asked.total() == 0
        await synced(world, ACME, assigned=stays)
        assert world.halo.written == []

    async def test_assets_may_get_a_status_instead(self, world: World) -> None:
        assigned = estate(ASSETS, assets={"place": {"client": "Acme"}, "retire": {"status_id": 4}})
        await synced(world, thing(ASSETS, "pc"), assigned=assigned)
        world.forget_calls()

        await synced(world, assigned=assigned)

        (retirement,) = world.halo.written
        assert isinstance(retirement, Retire)
        assert retirement.fields == {"status_id": 4}
        world.forget_calls()
        await synced(world, assigned=assigned)
        assert world.halo.asked.total() == 0

    @pytest.mark.parametrize("mode", [Mode.FULL, Mode.DELTA])
    async def test_what_leaves_the_scope_counts_as_deleted(self, world: World, mode: Mode) -> None:
        scope = {"place": {"client": "Acme"}, "scope": [{"attribute": "state", "equals": "live"}]}
        kim, lee = thing(USERS, "kim", state="Live"), thing(USERS, "lee", state="live")
        await synced(world, kim, lee, thing(USERS, "tim", state="test"), assigned=estate(USERS, users=scope))
        assert len(world.halo.records) == 2
        world.forget_calls()

        left = thing(USERS, "kim", state="sold")
        source = MemorySource([left, lee] if mode is Mode.FULL else [left], full=mode is Mode.FULL)
        await sync(world.attempt(source, estate(USERS, users=scope, mode=mode)))

        (retirement,) = world.halo.written
        assert (retirement.source_id, retirement.reason) == (
            "kim",
            "it left the scope (state equals 'live')",
        )

    async def test_a_required_value_that_became_empty_retires_nobody(self, world: World) -> None:
        rules = {
            "place": {"client": "Acme"},
            "fields": {"name": "name", "emailaddress": {"from": "mail", "required": True}},
        }
        assigned = estate(USERS, users=rules)
        await synced(world, thing(USERS, "kim", mail="kim@acme.example"), assigned=assigned)
        world.forget_calls()

        attempt = world.attempt(MemorySource([thing(USERS, "kim", mail="")]), assigned)
        assert await sync(attempt) == Outcome(RunStatus.PARTIAL)

        assert attempt.ledger.of(USERS) == Tally(read=1, skipped=1)
        assert "emailaddress is required, and mail is empty" in world.heard.records[0][2]
        assert world.halo.written == []


class TestTheFirstRun:
    async def test_new_records_hold_nothing_and_recognised_ones_do(self, world: World) -> None:
        limits = Limits.model_validate(
            {"entities": {"users": {"update": {"count": 50, "percent": 20, "from_population": 10}}}}
        )
        assigned = estate(USERS, users={"place": {"client": "Acme"}}, limits=limits)
        people = [thing(USERS, f"u-{n}", mail=f"u{n}@acme.example") for n in range(20)]

        assert (await synced(world, *people, assigned=assigned)).status is RunStatus.SUCCEEDED
        assert {type(change) for change in world.halo.written} == {Create}

        await world.store._db.execute("DELETE FROM links")
        for id_, record in world.halo.records.items():
            world.halo.records[id_] = replace(record, fields={**record.fields, "name": "by hand"})
        outcome = await synced(world, *people, assigned=assigned)

        assert outcome.status is RunStatus.HELD
        assert [(one.action, one.found, one.limit) for one in outcome.held_for] == [(Action.UPDATE, 20, 4)]


async def test_all_that_one_record_waited_for_is_written_at_once(world: World) -> None:
    """Two updates of one record could overtake each other."""
    team = [thing(USERS, name, *AT_HQ, mail=f"{name}@acme.example") for name in ("bo", "cy", "di")]
    rack = replace(LAPTOP, references=(*AT_HQ, *(refers(Role.USER, USERS, one.id) for one in (ANNA, *team))))
    await synced(world, ACME, HQ, ANNA, rack)
    world.forget_calls()

    await synced(world, ACME, HQ, ANNA, rack, *team)

    (update,) = [change for change in world.halo.written if change.kind is ASSETS]
    assert isinstance(update, Update)
    assert update.fields == {"users": ids(world, "anna", "bo", "cy", "di")}
