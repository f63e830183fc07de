"""A record that fails is tried again, less and less often, and no read is repeated for it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from halo_agent.engine.attempt import Attempt
from halo_agent.engine.changes import Change, Retire
from halo_agent.engine.escrow import Kept, pause
from halo_agent.engine.records import (
    Gone,
    Place,
    Placing,
    Reference,
    Role,
    Software,
    SourceRecord,
    UnreadableRecord,
)
from halo_agent.engine.sync import Outcome, sync
from halo_agent.store import escrow as store
from halo_agent.store.escrow import KEPT
from halo_shared.entities import EntityKind
from halo_shared.mapping import EntityMapping
from halo_shared.messages.commands import Assignment
from halo_shared.runs import Cursors, Mode, RunStatus
from tests.support.builders import REF
from tests.support.clock import ManualClock
from tests.support.engine import (
    USERS,
    MemorySource,
    World,
    assignment,
    held,
    mapping,
    person,
    wish_for,
)

ANNA, BEN = person("anna"), person("ben")
MINUTE = timedelta(minutes=1)


class Site:
    """An agent, run after run: what it reads moves on by one with each."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clock = ManualClock()
        self.cursors: Cursors = {}
        self.last: Attempt | None = None

    async def run(
        self,
        *items: SourceRecord | Gone | UnreadableRecord,
        mode: Mode = Mode.DELTA,
        mapped: EntityMapping | None = None,
    ) -> Outcome:
        """A run in which the source gives these."""
        assigned: Assignment = assignment(mapped, mode=mode, cursors=self.cursors)
        escrow = await self.world.store.escrow(REF, self.clock)
        source = MemorySource(items, full=mode is not Mode.DELTA, cursor=f"usn:{self.world.fence}")
        self.last = self.world.attempt(source, assigned, escrow=escrow)
        self.world.forget_calls()
        outcome = await sync(self.last)
        self.cursors = outcome.cursors or self.cursors
        return outcome

    @property
    def kept(self) -> int:
        """How many records are kept."""
        assert self.last
        return self.last.escrow.size

    @property
    def skipped(self) -> int:
        assert self.last
        return self.last.ledger.of(USERS).skipped


@pytest.fixture
def site(world: World) -> Site:
    return Site(world)


def refuse(world: World, *source_ids: str) -> None:
    """Let Halo refuse these records."""
    world.halo.refuses = lambda change: change.source_id in source_ids


async def test_what_failed_is_tried_by_the_next_run_and_the_read_goes_on(site: Site) -> None:
    refuse(site.world, "anna")
    first = await site.run(ANNA, BEN, mode=Mode.FULL)

    assert (first.status, first.cursors) == (RunStatus.PARTIAL, {USERS: "usn:0"})
    assert site.kept == 1

    refuse(site.world)
    second = await site.run()

    assert second == Outcome(RunStatus.SUCCEEDED, cursors={USERS: "usn:1"})
    assert [change.source_id for change in site.world.halo.written] == ["anna"]
    assert site.kept == 0


async def test_what_fails_again_rests_and_costs_halo_nothing(site: Site) -> None:
    refuse(site.world, "anna")
    await site.run(ANNA, mode=Mode.FULL)
    await site.run()

    resting = await site.run()
    assert resting.status is RunStatus.PARTIAL
    assert site.skipped == 1
    assert site.world.halo.asked.total() == 0
    assert site.world.heard.records == [], "it was told of when it failed"
    assert "1 users failed before and are not tried again yet" in site.world.heard.remarks[0]

    site.clock.move(15 * MINUTE)
    await site.run()
    assert [name for name, _, _ in site.world.heard.records] == ["anna"]
    refuse(site.world)
    site.clock.move(60 * MINUTE)
    assert (await site.run()).status is RunStatus.SUCCEEDED


def test_the_pauses_grow_to_a_day() -> None:
    pauses = [pause(failures) for failures in range(1, 12)]

    assert pauses[0] == timedelta(0)
    assert pauses == sorted(pauses)
    assert set(pauses[5:]) == {timedelta(days=1)}


async def test_a_full_read_leaves_what_rests_alone_and_a_reconciliation_does_not(site: Site) -> None:
    refuse(site.world, "anna")
    for _ in range(2):
        await site.run(ANNA, BEN, mode=Mode.FULL)

    await site.run(ANNA, BEN, mode=Mode.FULL)
    assert (site.skipped, site.world.halo.written) == (1, [])

    refuse(site.world)
    assert (await site.run(ANNA, BEN, mode=Mode.RECONCILE)).status is RunStatus.SUCCEEDED
    assert site.kept == 0


async def test_what_was_changed_at_its_source_is_tried_at_once(site: Site) -> None:
    refuse(site.world, "anna")
    for _ in range(2):
        await site.run(ANNA, mode=Mode.FULL)
    refuse(site.world)

    outcome = await site.run(replace(ANNA, attributes={"mail": "anna@new.example"}))

    assert outcome.status is RunStatus.SUCCEEDED
    assert site.world.halo.by_identity()["anna"].fields["emailaddress"] == "anna@new.example"
    assert site.kept == 0


async def test_what_left_its_source_is_forgotten(site: Site) -> None:
    refuse(site.world, "anna", "ben")
    await site.run(ANNA, BEN, mode=Mode.FULL)
    refuse(site.world)

    await site.run(Gone(USERS, "anna", "deleted in the directory"))
    assert set(site.world.halo.by_identity()) == {"ben"}
    assert site.kept == 0


async def test_what_a_complete_read_does_not_show_is_forgotten(site: Site) -> None:
    refuse(site.world, "anna")
    for _ in range(2):
        await site.run(ANNA, BEN, mode=Mode.FULL)

    assert (await site.run(BEN, mode=Mode.FULL)).status is RunStatus.SUCCEEDED
    assert site.kept == 0


async def test_what_could_not_be_mapped_is_mapped_again(site: Site) -> None:
    nobody = replace(ANNA, attributes={})
    strict = mapping(fields={"emailaddress": "mail", "name": {"from": "cn", "required": True}})
    unmapped = await site.run(nobody, mode=Mode.FULL, mapped=strict)
    assert (unmapped.status, site.kept) == (RunStatus.PARTIAL, 1)

    assert (await site.run()).status is RunStatus.SUCCEEDED
    assert site.kept == 0


async def test_whom_halo_has_twice_is_recognised_once_that_is_mended(site: Site) -> None:
    site.world.halo.records = {n: held(n, emailaddress="anna@acme.example") for n in (7, 8)}
    assert (await site.run(ANNA, mode=Mode.FULL)).status is RunStatus.PARTIAL

    del site.world.halo.records[8]

    assert (await site.run()).status is RunStatus.SUCCEEDED
    assert site.world.halo.by_identity()["anna"].id == 7


async def test_a_leaver_that_halo_would_not_let_go_leaves_later(site: Site) -> None:
    await site.run(ANNA, BEN, mode=Mode.FULL)
    site.world.halo.refuses = _retirements
    assert (await site.run(Gone(USERS, "anna", "deleted in the directory"))).status is RunStatus.PARTIAL

    site.world.halo.refuses = lambda _: False
    assert (await site.run()).status is RunStatus.SUCCEEDED

    assert not site.world.halo.by_identity()["anna"].active
    assert site.kept == 0


def _retirements(change: Change) -> bool:
    return isinstance(change, Retire)


async def test_what_could_not_be_read_keeps_the_cursor_where_it_is(site: Site) -> None:
    await site.run(ANNA, mode=Mode.FULL)

    outcome = await site.run(UnreadableRecord(USERS, "row 11", "it has no id"))

    assert outcome.cursors == {USERS: "usn:0"}


async def test_when_too_many_fail_to_be_kept_the_read_is_repeated(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST", 1)
    refuse(site.world, "anna", "ben")

    outcome = await site.run(ANNA, BEN, mode=Mode.FULL)

    assert (outcome.status, outcome.cursors) == (RunStatus.PARTIAL, {})
    assert site.kept == 1


async def test_another_agent_s_run_makes_it_worthless(site: Site) -> None:
    refuse(site.world, "anna")
    await site.run(ANNA, mode=Mode.FULL)

    await site.world.store.of(REF, fence=9).take_over(previous_fence=8)

    assert (await site.world.store.escrow(REF, site.clock)).size == 0


@pytest.mark.parametrize(
    "kept",
    [
        Gone(USERS, "anna", "deleted in the directory"),
        SourceRecord(
            EntityKind.ASSETS,
            "pc-1",
            "PC 1",
            {"tags": ("a", "b"), "ram": 16, "price": 9.5, "on": True, "none": None, "text": "16"},
            place=Place("Acme", "Main"),
            references=(Reference(Role.USER, USERS, "anna", "mail"),),
            software=(Software("Editor", "1.0"),),
        ),
        replace(
            wish_for(
                "anna", always={"emailaddress": "a@b.c", "tags": ("x", "y"), "number": 7, "flag": False}
            ),
            placings=(Placing(Place("Acme", "Main"), "rule", "office"),),
        ),
    ],
    ids=["a leaver", "a record", "a wish"],
)
def test_what_is_kept_comes_back_as_it_was(kept: Kept) -> None:
    assert KEPT.validate_json(KEPT.dump_json(kept)) == kept
