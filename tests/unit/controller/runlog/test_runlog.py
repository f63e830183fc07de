"""The story of a run, looking for lines, and forgetting what is old."""

from datetime import timedelta
from uuid import uuid4

import pytest

from halo_controller.nouns import Run
from halo_controller.runlog.retention import Ended, Janitor, to_forget
from halo_controller.runlog.story import StageBegun, tell
from halo_controller.store import events, incidents, runlog, runs, tenants
from halo_controller.store.runlog import Wanted
from halo_shared.entities import EntityKind
from halo_shared.errors import HaloIntegratorError, RecordRefused, Unplaced
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrations import Keep
from halo_shared.messages.base import Failure
from halo_shared.messages.events import Level, RecordEvent, RecordOutcome, Stage
from halo_shared.redaction import Redactor
from halo_shared.runs import Tally
from tests.support import nouns
from tests.support.builders import NOW, REF, finished, logged, origin, progress, tenant_spec
from tests.unit.controller.centre import Centre

DAY = timedelta(days=1)


def record(
    run: Run, number: int, error: HaloIntegratorError, outcome: RecordOutcome = "failed"
) -> RecordEvent:
    return RecordEvent(
        id=uuid4(),
        at=NOW,
        origin=origin(run),
        seq=number,
        level=Level.ERROR,
        text=error.message,
        entity=EntityKind.USERS,
        source_id=str(number),
        name=f"user{number}",
        outcome=outcome,
        failure=Failure.of(error, Redactor()),
    )


def stage(name: Stage, second: float, *, fence: int = 1) -> StageBegun:
    return StageBegun(fence=fence, stage=name, began_at=NOW + timedelta(seconds=second), done=10, total=None)


def test_the_story_times_each_stage_of_the_latest_attempt() -> None:
    run = nouns.running(fence=2, ended_at=NOW + timedelta(seconds=60))
    begun = [stage(Stage.READ, -99), stage(Stage.APPLY, 40, fence=2), stage(Stage.READ, 10, fence=2)]

    told = tell(run, begun, [], NOW)

    assert [(each.stage, each.took.total_seconds()) for each in told.stages] == [("read", 30), ("apply", 20)]


def test_the_rate_is_that_of_the_whole_attempt() -> None:
    counts = {EntityKind.USERS: Tally(read=300)}
    ended = nouns.running(counts=counts, ended_at=NOW + timedelta(seconds=60))
    assert tell(ended, [], [], NOW).rate == pytest.approx(5)
    assert tell(nouns.running(counts=counts), [], [], NOW).rate is None


def test_trouble_is_told_by_its_reason_the_most_frequent_first() -> None:
    run = nouns.running()
    said = [
        record(run, 0, Unplaced("no client is called Acme"), "skipped"),
        *(record(run, n, RecordRefused(f"row {n} is too long")) for n in range(1, 8)),
    ]
    refused, unplaced = tell(run, [], said, NOW).troubles
    assert (refused.records, refused.code, refused.outcome) == (7, "RecordRefused", "failed")
    assert refused.names == tuple(f"user{n}" for n in range(1, 6))
    assert (unplaced.records, unplaced.outcome, unplaced.message) == (
        1,
        "skipped",
        "no client is called Acme",
    )


async def test_stages_are_noted_from_progress_which_itself_is_not_kept(centre: Centre) -> None:
    await centre.set_up("one")
    run = await centre.leased()
    await centre.inbox.take(progress(run, 10), progress(run, 20, seq=3))
    await centre.inbox.take(progress(run, 30, seq=4))

    async with centre.database.read() as db:
        (noted,) = await runlog.stages_of(db, run.id)
    assert (noted.stage, noted.done, noted.began_at) == (Stage.READ, 30, NOW)


async def test_lines_are_found_by_tenant_level_time_and_words(centre: Centre) -> None:
    await centre.set_up("one")
    run = await centre.leased()
    await centre.inbox.take(
        logged(run, "The directory DC1 answers slowly: 100% busy"),
        logged(run, "Something else").model_copy(update={"seq": 4}),
    )

    async def found(**wanted: object) -> list[str]:
        async with centre.database.read() as db:
            return [event.text for event in await runlog.search(db, Wanted.model_validate(wanted))]

    slow = ["The directory DC1 answers slowly: 100% busy"]
    assert await found(text="dc1 ANSWERS") == slow
    assert await found(text="0% b") == slow  # no wildcard
    assert await found(text="1_0") == []
    assert await found(tenant="globex") == []
    assert await found(integration=REF.name, level="error") == []
    assert await found(until=NOW, level="warning") == []
    assert await found(limit=1, level="warning") == ["Something else"]


def ended(number: int, days_ago: float, name: str = "people") -> Ended:
    return Ended(str(number), IntegrationRef("acme", name), NOW - timedelta(days=days_ago))


@pytest.mark.parametrize(
    ("keep", "gone"),
    [
        (Keep(), ["3"]),
        (Keep(age=timedelta(days=15)), ["2", "3"]),
        (Keep(runs=1), ["1", "2", "3"]),
        (Keep(runs=2), ["2", "3"]),
        (Keep(age=timedelta(days=400)), []),
    ],
)
def test_what_is_forgotten_by_age_and_by_number_but_never_the_latest(keep: Keep, gone: list[str]) -> None:
    known = [ended(3, 100), ended(1, 10), ended(0, 5), ended(2, 20), ended(9, 300, "machines")]
    assert to_forget(known, keep, NOW) == gone


async def test_a_forgotten_run_leaves_nothing_behind_and_others_stay(centre: Centre) -> None:
    await centre.set_up("one")
    old = await centre.leased()
    await centre.inbox.take(progress(old), logged(old), finished(old))
    centre.clock.move(100 * DAY)
    fresh = await centre.leased()
    await centre.inbox.take(logged(fresh), finished(fresh))

    await Janitor(centre.database, centre.clock).tick()

    async with centre.database.read() as db:
        assert await runs.find(db, old.id) is None
        assert await events.of_run(db, old.id) == []
        assert await runlog.stages_of(db, old.id) == []
        assert len(await events.of_run(db, fresh.id)) > 0
        assert await incidents.every(db) == []


async def test_a_tenant_says_itself_how_long(centre: Centre) -> None:
    await centre.set_up("one")
    known = []
    for _ in range(3):
        known.append(await centre.leased())
        await centre.inbox.take(finished(known[-1]))
        centre.clock.move(60)
    async with centre.database.write() as db:
        await tenants.change(db, tenant_spec().model_copy(update={"keep": Keep(runs=1)}))

    await Janitor(centre.database, centre.clock).tick()

    async with centre.database.read() as db:
        assert [each.id for each in await runs.every(db)] == [known[-1].id]
