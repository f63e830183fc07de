"""The story of a sync, from the source to Halo and to what is remembered of both."""

from collections.abc import AsyncGenerator, Collection
from dataclasses import replace
from typing import Literal

import pytest

from halo_agent.engine.attempt import Attempt
from halo_agent.engine.batches import BATCH
from halo_agent.engine.changes import Change, Create, Retire, Update
from halo_agent.engine.comparer import LISTED_FROM
from halo_agent.engine.ports import SourceItem, Wanted
from halo_agent.engine.records import Gone, Remark, TargetRecord, UnreadableRecord
from halo_agent.engine.sync import Outcome, make_plan, sync
from halo_shared.entities import EntityKind
from halo_shared.errors import (
    Cancelled,
    IncompleteRead,
    LeaseLost,
    MappingInvalid,
    TargetUnavailable,
    TooManyRefused,
)
from halo_shared.limits import Limits
from halo_shared.messages.events import Stage
from halo_shared.outcomes import Result
from halo_shared.runs import Action, Approval, Excess, Mode, RunStatus, Tally
from tests.support.engine import (
    USERS,
    MemoryHalo,
    MemorySource,
    Pass,
    World,
    assignment,
    held,
    mapping,
    person,
)

PEOPLE = tuple(person(f"p-{number}") for number in range(10))
ONE_RETIREMENT = Limits.model_validate({"entities": {"users": {"retire": {"count": 1}}}})


async def synced(world: World, *people: object) -> Outcome:
    """A complete run over these people."""
    return await sync(world.attempt(MemorySource(people)))  # type: ignore[arg-type]  # records only


async def in_step(world: World) -> None:
    """Everybody of PEOPLE is in Halo, and what was asked and written for it is forgotten."""
    assert await synced(world, *PEOPLE) == Outcome(RunStatus.SUCCEEDED)
    world.forget_calls()


def active(world: World) -> set[str]:
    return {id_ for id_, record in world.halo.by_identity().items() if record.active}


def users(attempt: Attempt) -> Tally:
    return attempt.ledger.of(USERS)


async def test_what_halo_has_not_is_created_and_what_it_has_is_recognised(world: World) -> None:
    world.halo.records[7] = held(7, emailaddress="P-3@acme.example", notes="Halo's own")
    attempt = world.attempt(MemorySource(PEOPLE, cursor="usn:9"))

    outcome = await sync(attempt)

    assert outcome == Outcome(RunStatus.SUCCEEDED, cursors={USERS: "usn:9"})
    assert users(attempt) == Tally(read=10, created=9, updated=1)
    assert world.halo.by_identity()["p-3"].id == 7
    assert world.halo.records[7].fields["notes"] == "Halo's own"
    assert {link.halo_id for link in (await world.links()).values()} == set(world.halo.records)
    assert world.heard.stages == [Stage.READ, Stage.MATCH, Stage.PLAN, Stage.APPLY]


async def test_a_second_run_of_an_unchanged_source_asks_and_writes_nothing(world: World) -> None:
    await in_step(world)
    attempt = world.attempt(MemorySource(PEOPLE))

    assert await sync(attempt) == Outcome(RunStatus.SUCCEEDED)
    assert world.halo.asked.total() == 0
    assert users(attempt) == Tally(read=10, unchanged=10)


async def test_a_source_may_hold_more_than_is_looked_up_together(world: World) -> None:
    many = [person(f"p-{number}") for number in range(2 * BATCH + 1)]
    await synced(world, *many)
    attempt = world.attempt(MemorySource(many[1:]))

    assert await sync(attempt) == Outcome(RunStatus.SUCCEEDED)
    assert users(attempt) == Tally(read=2 * BATCH, unchanged=2 * BATCH, retired=1)


async def test_only_what_changed_is_read_and_only_changed_fields_are_sent(world: World) -> None:
    await in_step(world)

    await synced(world, person("p-0", "new@acme.example"), *PEOPLE[1:])

    (update,) = world.halo.written
    assert isinstance(update, Update)
    assert update.fields == {"emailaddress": "new@acme.example"}
    assert world.halo.asked == {"fetch": 1, "apply": 1}


async def test_reconciling_finds_what_was_changed_in_halo_by_hand(world: World) -> None:
    await in_step(world)
    by_hand = world.halo.by_identity()
    renamed, retired, deleted = by_hand["p-1"], by_hand["p-2"], by_hand["p-3"]
    world.halo.records[renamed.id] = replace(
        renamed, fields={**renamed.fields, "emailaddress": "by@hand.example"}
    )
    world.halo.records[retired.id] = replace(retired, active=False)
    del world.halo.records[deleted.id]

    await synced(world, *PEOPLE)
    assert world.halo.asked.total() == 0

    attempt = world.attempt(MemorySource(PEOPLE), assignment(mode=Mode.RECONCILE))
    assert await sync(attempt) == Outcome(RunStatus.SUCCEEDED)

    assert {(change.source_id, change.reason) for change in world.halo.written} == {
        ("p-1", "changed in Halo by hand"),
        ("p-2", "changed in Halo by hand"),
        ("p-3", "not in Halo yet"),
    }
    assert users(attempt) == Tally(read=10, created=1, updated=2, unchanged=7)
    assert len(active(world)) == 10


async def test_reconciling_many_lists_them_rather_than_reading_each(world: World) -> None:
    many = [person(f"p-{number}") for number in range(LISTED_FROM)]
    await synced(world, *many)
    for id_ in (1, 2, 3):
        del world.halo.records[id_]
    world.forget_calls()

    await sync(world.attempt(MemorySource(many), assignment(mode=Mode.RECONCILE)))

    assert world.halo.asked == {"everything": 1, "fetch": 1, "candidates": 1, "apply": 3}
    assert len(active(world)) == LISTED_FROM
    assert any("compared with Halo" in remark for remark in world.heard.remarks)


async def test_what_a_list_leaves_out_since_it_is_empty_is_not_read_for_that(world: World) -> None:
    many = [person(f"p-{number}") for number in range(LISTED_FROM)]
    await synced(world, *many)
    emptied = world.halo.records[7]
    world.halo.records[7] = replace(
        emptied, fields={name: value for name, value in emptied.fields.items() if name != "emailaddress"}
    )
    world.forget_calls()

    await sync(world.attempt(MemorySource(many), assignment(mode=Mode.RECONCILE)))

    assert world.halo.asked == {"everything": 1, "apply": 1}
    assert world.halo.records[7] == emptied


async def test_what_a_list_does_not_show_is_read(world: World) -> None:
    rules = mapping(fields={"emailaddress": "mail", "notes": {"value": "same"}})
    many = [person(f"p-{number}") for number in range(LISTED_FROM)]
    await sync(world.attempt(MemorySource(many), assignment(rules)))
    world.forget_calls()
    world.halo.hidden = frozenset({"notes"})

    await sync(world.attempt(MemorySource(many), assignment(rules, mode=Mode.RECONCILE)))

    assert world.halo.asked == {"everything": 1, "fetch": 1}


class TestAbsence:
    async def test_a_full_read_retires_those_it_did_not_see(self, world: World) -> None:
        await in_step(world)
        attempt = world.attempt(MemorySource(PEOPLE[2:]))

        assert await sync(attempt) == Outcome(RunStatus.SUCCEEDED)
        assert active(world) == {person.id for person in PEOPLE[2:]}
        assert users(attempt).retired == 2
        assert len(world.halo.records) == 10

    async def test_a_delta_read_retires_nobody_for_its_absence(self, world: World) -> None:
        await in_step(world)
        attempt = world.attempt(MemorySource(PEOPLE[:1], full=False), assignment(mode=Mode.DELTA))

        assert await sync(attempt) == Outcome(RunStatus.SUCCEEDED)
        assert len(active(world)) == 10

    async def test_a_delta_that_had_to_read_everything_proves_absence(self, world: World) -> None:
        await in_step(world)
        why = Remark("The directory was restored, so everything was read.")
        source = MemorySource([why, *PEOPLE[2:]], full=True)

        await sync(world.attempt(source, assignment(mode=Mode.DELTA)))

        assert active(world) == {person.id for person in PEOPLE[2:]}
        assert world.heard.remarks == [why.text]

    async def test_what_a_delta_proves_to_be_gone_is_retired_for_that_reason(self, world: World) -> None:
        await in_step(world)
        gone = [Gone(USERS, " P-4 ", "deleted in the directory"), Gone(USERS, "stranger", "deleted")]

        await sync(world.attempt(MemorySource(gone, full=False), assignment(mode=Mode.DELTA)))

        (retirement,) = world.halo.written
        assert (retirement.source_id, retirement.reason) == ("p-4", "deleted in the directory")
        assert len(active(world)) == 9

    async def test_what_is_read_is_there_whatever_was_said_of_it(self, world: World) -> None:
        await in_step(world)
        source = MemorySource([Gone(USERS, "p-4", "left the scope"), PEOPLE[4]], full=False)

        await sync(world.attempt(source, assignment(mode=Mode.DELTA)))

        assert len(active(world)) == 10

    async def test_a_read_that_says_it_is_not_full_retires_nobody(self, world: World) -> None:
        await in_step(world)

        await sync(world.attempt(MemorySource(PEOPLE[:1], full=False)))

        assert len(active(world)) == 10

    @pytest.mark.parametrize("seen", [0, 1, 9, 10])
    async def test_a_source_that_just_stops_retires_nobody_and_writes_nothing(
        self, world: World, seen: int
    ) -> None:
        await in_step(world)
        changed = [person(one.id, f"new-{one.id}@acme.example") for one in PEOPLE]
        source = MemorySource(changed, stops_after=seen)

        with pytest.raises(IncompleteRead, match="Reading users stopped before"):
            await sync(world.attempt(source))

        assert world.halo.asked.total() == 0
        assert len(active(world)) == 10
        assert source.closed

    async def test_a_read_with_gaps_retires_nobody_and_says_so(self, world: World) -> None:
        await in_step(world)
        source = MemorySource(
            [*PEOPLE[1:], UnreadableRecord(USERS, "row 11", "it has no id")], cursor="usn:9"
        )

        assert await sync(world.attempt(source)) == Outcome(RunStatus.PARTIAL)
        assert len(active(world)) == 10
        assert world.heard.records == [("row 11", "failed", "row 11: it has no id")]
        (remark,) = world.heard.remarks
        assert remark.startswith("1 users could not be read and may be any of those that were not seen")

    async def test_who_comes_back_is_made_active_again(self, world: World) -> None:
        await in_step(world)
        await synced(world, *PEOPLE[1:])
        world.forget_calls()

        await synced(world, *PEOPLE)

        (back,) = world.halo.written
        assert isinstance(back, Update)
        assert back.reactivate
        assert len(active(world)) == 10

    async def test_who_was_deleted_in_halo_by_hand_is_not_written_to(self, world: World) -> None:
        await in_step(world)
        del world.halo.records[world.halo.by_identity()["p-0"].id]

        assert await synced(world, *PEOPLE[1:]) == Outcome(RunStatus.SUCCEEDED)
        assert world.halo.written == []
        assert (await world.links())["p-0"].halo_id is None

    async def test_who_is_absent_for_long_is_looked_at_once(self, world: World) -> None:
        await in_step(world)
        await synced(world, *PEOPLE[1:])
        world.forget_calls()

        await synced(world, *PEOPLE[1:])

        assert world.halo.asked.total() == 0


class TestOutOfUseAtTheSource:
    async def test_who_is_linked_is_retired(self, world: World) -> None:
        await in_step(world)

        await synced(world, person("p-0", active=False), *PEOPLE[1:])

        assert active(world) == {person.id for person in PEOPLE[1:]}

    async def test_who_is_not_in_halo_is_not_created_nor_looked_for_again(self, world: World) -> None:
        for _ in range(2):
            world.forget_calls()
            await synced(world, person("p-0", active=False))

        assert world.halo.records == {}
        assert world.halo.asked.total() == 0

    async def test_who_comes_into_use_later_is_created(self, world: World) -> None:
        await synced(world, person("p-0", active=False))
        await synced(world, person("p-0"))

        assert active(world) == {"p-0"}

    async def test_who_is_inactive_in_halo_already_is_only_remembered(self, world: World) -> None:
        world.halo.records[7] = held(7, active=False, emailaddress="p-0@acme.example")

        await synced(world, person("p-0", active=False))

        assert world.halo.written == []
        assert (await world.links())["p-0"].halo_id == 7


class TestRecognising:
    async def test_who_was_deleted_in_halo_by_hand_is_created_again(self, world: World) -> None:
        await in_step(world)
        del world.halo.records[world.halo.by_identity()["p-0"].id]

        await synced(world, person("p-0", "new@acme.example"), *PEOPLE[1:])

        assert active(world) == {person.id for person in PEOPLE}
        assert isinstance(world.halo.written[0], Create)

    async def test_whom_halo_has_twice_is_left_alone_and_reported(self, world: World) -> None:
        world.halo.records = {n: held(n, emailaddress="p-0@acme.example") for n in (7, 8)}
        attempt = world.attempt(MemorySource(PEOPLE[:2], cursor="usn:9"))

        assert await sync(attempt) == Outcome(RunStatus.PARTIAL)
        assert users(attempt) == Tally(read=2, created=1, skipped=1)
        ((source_id, outcome, message),) = world.heard.records
        assert (source_id, outcome) == ("p-0", "skipped")
        assert "7 (Record 7) or 8 (Record 8)" in message

    async def test_a_record_of_halo_is_never_two_people(self, world: World) -> None:
        world.halo.records[7] = held(7, azureoid="p-1", emailaddress="shared@acme.example")

        await synced(world, person("p-0", "shared@acme.example"), person("p-1", "shared@acme.example"))

        assert world.halo.by_identity()["p-1"].id == 7
        assert len(world.halo.records) == 2

    async def test_fields_that_a_list_leaves_out_are_fetched_before_they_are_compared(
        self, world: World
    ) -> None:
        rules = mapping(fields={"emailaddress": "mail", "notes": {"value": "same"}})
        world.halo.records[7] = held(7, azureoid="p-0", emailaddress="p-0@acme.example", notes="same")
        world.halo.hidden = frozenset({"notes"})

        await sync(world.attempt(MemorySource(PEOPLE[:1]), assignment(rules)))

        assert world.halo.asked == {"candidates": 1, "fetch": 1}

    async def test_a_record_that_is_deleted_while_it_is_looked_at_is_taken_as_the_list_showed_it(
        self, world: World
    ) -> None:
        class Vanishing(MemoryHalo):
            async def fetch(
                self, kind: EntityKind, ids: Collection[int], beside: Collection[str] = ()
            ) -> AsyncGenerator[TargetRecord, None]:
                return
                yield

        rules = mapping(fields={"emailaddress": "mail", "notes": {"value": "new"}})
        world.halo = Vanishing([held(7, azureoid="p-0", emailaddress="p-0@acme.example")])
        world.halo.hidden = frozenset({"notes"})

        plan, _ = await make_plan(world.attempt(MemorySource(PEOPLE[:1]), assignment(rules)))

        ((update,),) = [some async for some in plan.changes()]
        assert isinstance(update, Update)
        assert update.fields == {"notes": "new"}


class TestIds:
    async def test_an_id_in_other_capitals_is_the_same_record(self, world: World) -> None:
        await in_step(world)

        await synced(world, person(" P-0 ", "p-0@acme.example"), *PEOPLE[1:])

        (update,) = world.halo.written
        assert isinstance(update, Update)
        assert update.fields == {"azureoid": "P-0"}
        assert active(world) == {person.id for person in PEOPLE}

    async def test_a_record_without_an_id_is_reported_and_proves_that_the_read_has_gaps(
        self, world: World
    ) -> None:
        await in_step(world)
        attempt = world.attempt(MemorySource([person(" ", name="Nobody"), *PEOPLE[1:]]))

        assert await sync(attempt) == Outcome(RunStatus.PARTIAL)
        assert world.heard.records == [("Nobody", "failed", "Nobody: the source gives no id for it")]
        assert world.halo.written == []
        assert len(active(world)) == 10

    @pytest.mark.parametrize("second", ["p-0", "P-0", "p-0 "])
    async def test_of_an_id_that_comes_twice_the_first_is_used_and_the_second_reported(
        self, world: World, second: str
    ) -> None:
        attempt = world.attempt(MemorySource([PEOPLE[0], person(second, "other@acme.example", name="Twin")]))

        assert await sync(attempt) == Outcome(RunStatus.PARTIAL)
        assert users(attempt) == Tally(read=1, created=1, failed=1)
        assert world.halo.by_identity()["p-0"].fields["emailaddress"] == "p-0@acme.example"
        ((name, outcome, message),) = world.heard.records
        assert (name, outcome) == ("Twin", "failed")
        assert f"the id '{second}' twice" in message


class TestTheGuard:
    async def test_a_held_run_writes_and_remembers_nothing(self, world: World) -> None:
        await in_step(world)
        before, links = dict(world.halo.records), await world.links()
        source = MemorySource([*PEOPLE[3:], person("new")])

        outcome = await sync(world.attempt(source, assignment(limits=ONE_RETIREMENT)))

        excess = Excess(entity=USERS, action=Action.RETIRE, found=3, limit=1, population=10)
        planned = {USERS: Tally(created=1, retired=3)}
        assert outcome == Outcome(RunStatus.HELD, held_for=[excess], planned=planned)
        assert [(one.source_id, one.result, one.planned) for one in world.heard.outcomes] == [
            (source_id, Result.RETIRED, True) for source_id in ("p-0", "p-1", "p-2")
        ]
        assert (world.halo.records, world.halo.asked["apply"]) == (before, 0)
        assert await world.links() == links

    async def test_an_approval_lets_exactly_that_go(self, world: World) -> None:
        await in_step(world)
        approved = [Approval(entity=USERS, action=Action.RETIRE, up_to=3)]
        assigned = assignment(limits=ONE_RETIREMENT, approved=approved)

        four = await sync(world.attempt(MemorySource(PEOPLE[4:]), assigned))
        three = await sync(world.attempt(MemorySource(PEOPLE[3:]), assigned))

        assert (four.status, three.status) == (RunStatus.HELD, RunStatus.SUCCEEDED)
        assert active(world) == {person.id for person in PEOPLE[3:]}

    async def test_what_is_ambiguous_is_reported_even_by_a_held_run(self, world: World) -> None:
        await in_step(world)
        world.halo.records |= {n: held(n, emailaddress="new@acme.example") for n in (77, 78)}
        source = MemorySource([*PEOPLE[3:], person("new")])

        await sync(world.attempt(source, assignment(limits=ONE_RETIREMENT)))

        assert [record[:2] for record in world.heard.records] == [("new", "skipped")]


class TestWriting:
    @pytest.mark.parametrize("lever", ["fails_at", "loses_at"])
    @pytest.mark.parametrize("write", [1, 4, 5, 10])
    async def test_after_a_failing_write_the_next_run_finishes_without_duplicates(
        self, world: World, lever: str, write: int
    ) -> None:
        setattr(world.halo, lever, write)

        with pytest.raises(TargetUnavailable):
            await synced(world, *PEOPLE)

        world.halo.fails_at = world.halo.loses_at = None
        assert await synced(world, *PEOPLE) == Outcome(RunStatus.SUCCEEDED)
        assert active(world) == {person.id for person in PEOPLE}

    async def test_a_failing_write_leaves_what_was_written_before_it_remembered(self, world: World) -> None:
        world.halo.fails_at = 8

        with pytest.raises(TargetUnavailable):
            await synced(world, *PEOPLE)

        links = await world.links()
        assert len(links) >= 4  # three of the seven may have been under way
        assert {id_: link.halo_id for id_, link in links.items()}.items() <= {
            id_: record.id for id_, record in world.halo.by_identity().items()
        }.items()

    @pytest.mark.parametrize("why", [LeaseLost(), Cancelled()])
    async def test_a_permit_that_ends_in_the_middle_stops_writing_at_once(
        self, world: World, why: LeaseLost | Cancelled
    ) -> None:
        attempt = world.attempt(MemorySource(PEOPLE), permit=Pass(writes=3, why=why))

        with pytest.raises(type(why)):
            await sync(attempt)

        assert world.halo.asked["apply"] <= 3
        assert set(await world.links()) <= set(world.halo.by_identity())

    async def test_a_refused_record_stops_nobody_else_and_moves_no_cursor(self, world: World) -> None:
        world.halo.refuses = lambda change: change.source_id == "p-3"
        attempt = world.attempt(MemorySource(PEOPLE, cursor="usn:9"))

        assert await sync(attempt) == Outcome(RunStatus.PARTIAL)
        assert users(attempt) == Tally(read=10, created=9, failed=1)
        assert world.heard.records == [("p-3", "failed", "Halo refused Person p-3.")]
        assert "p-3" not in await world.links()

    async def test_a_run_of_which_most_is_refused_is_stopped(self, world: World) -> None:
        world.halo.refuses = lambda _: True
        attempt = world.attempt(MemorySource([person(f"q-{number}") for number in range(100)]))

        with pytest.raises(TooManyRefused, match="20 of the first 20 records were refused"):
            await sync(attempt)

        assert world.halo.asked["apply"] < 25

    async def test_a_run_of_which_less_is_refused_goes_on(self, world: World) -> None:
        world.halo.refuses = lambda change: int(change.source_id[2:]) % 4 == 1
        attempt = world.attempt(MemorySource([person(f"q-{number}") for number in range(100)]))

        assert await sync(attempt) == Outcome(RunStatus.PARTIAL)
        assert users(attempt) == Tally(read=100, created=75, failed=25)

    async def test_a_fault_of_ours_is_not_dressed_up(self, world: World) -> None:
        def broken(_: Change) -> bool:
            raise KeyError("a fault")

        world.halo.refuses = broken

        with pytest.raises(KeyError):
            await synced(world, *PEOPLE)

    async def test_new_and_changed_records_come_before_retirements(self, world: World) -> None:
        await in_step(world)

        await synced(world, person("p-0", "new@acme.example"), *PEOPLE[2:], person("new"))

        assert {type(change) for change in world.halo.written[:2]} == {Create, Update}
        assert isinstance(world.halo.written[2], Retire)


async def test_kinds_are_written_in_the_order_in_which_they_refer_to_each_other(world: World) -> None:
    rules = mapping(match=[], fields={"notes": {"value": "x"}}, asset_type={"default": "Printer"})
    both = assignment()
    both = both.model_copy(
        update={
            "integration": both.integration.model_copy(
                update={
                    "entities": (EntityKind.ASSETS, USERS),
                    "mapping": {USERS: rules, EntityKind.ASSETS: rules},
                }
            )
        }
    )
    people, machines = PEOPLE[:3], [replace(person(f"m-{n}"), kind=EntityKind.ASSETS) for n in range(3)]
    await sync(world.attempt(MemorySource([*people, *machines], cursor="usn:9"), both))
    created = [change.kind for change in world.halo.written]
    world.forget_calls()

    outcome = await sync(world.attempt(MemorySource([people[0], machines[0]], cursor="usn:10"), both))

    assert created == [USERS] * 3 + [EntityKind.ASSETS] * 3
    assert [change.kind for change in world.halo.written] == [EntityKind.ASSETS] * 2 + [USERS] * 2
    assert outcome.cursors == {EntityKind.ASSETS: "usn:10", USERS: "usn:10"}


@pytest.mark.parametrize(
    ("mode", "asked"), [(Mode.FULL, Mode.FULL), (Mode.DELTA, Mode.DELTA), (Mode.RECONCILE, Mode.FULL)]
)
async def test_a_source_is_told_what_is_wanted_of_it(
    world: World, mode: Mode, asked: Literal[Mode.FULL, Mode.DELTA]
) -> None:
    class Asked(MemorySource):
        wanted: Wanted

        def read(self, wanted: Wanted) -> AsyncGenerator[SourceItem, None]:
            self.wanted = wanted
            return super().read(wanted)

    source = Asked(PEOPLE)
    await sync(world.attempt(source, assignment(mode=mode, cursors={USERS: "usn:3"})))

    assert source.wanted == Wanted(USERS, asked, "usn:3", frozenset({"mail"}))


async def test_an_attribute_that_no_record_has_is_named(world: World) -> None:
    rules = mapping(fields={"emailaddress": "mail", "firstname": "givenNam", "notes": {"value": "x"}})

    await sync(world.attempt(MemorySource(PEOPLE), assignment(rules)))

    assert world.heard.remarks == [
        "The mapping of users reads givennam, which none of 10 records has: is it spelt right?"
    ]


async def test_an_empty_source_is_told_nothing_about_its_attributes(world: World) -> None:
    assert await synced(world) == Outcome(RunStatus.SUCCEEDED)
    assert world.heard.remarks == []


async def test_a_plan_writes_nothing(world: World) -> None:
    plan, cursors = await make_plan(world.attempt(MemorySource(PEOPLE, cursor="usn:9")))

    assert [type(change) async for some in plan.changes() for change in some] == [Create] * 10
    assert cursors == {USERS: "usn:9"}
    assert world.halo.asked == {"candidates": 1}
    assert await world.links() == {}


async def test_a_kind_that_nobody_maps_ends_the_run_with_what_to_do(world: World) -> None:
    bare = assignment()
    integration = bare.integration.model_copy(update={"mapping": {}})

    with pytest.raises(
        MappingInvalid, match=r"nothing is said about 'users'.*give mapping.users its 'identity'"
    ):
        await sync(world.attempt(MemorySource(PEOPLE), bare.model_copy(update={"integration": integration})))

    assert world.halo.asked.total() == 0
