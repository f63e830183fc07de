"""Stored events become incidents, once per cause, in the same transaction."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from halo_controller.incidents import recorder
from halo_controller.incidents.headlines import title
from halo_controller.incidents.nouns import Incident, IncidentState
from halo_controller.nouns import Run
from halo_controller.store import incidents, runs
from halo_shared.entities import EntityKind
from halo_shared.errors import RecordRefused, SourceUnavailable
from halo_shared.messages.base import Failure
from halo_shared.messages.events import Level, RecordEvent
from halo_shared.redaction import Redactor
from halo_shared.runs import RunStatus
from tests.support.builders import NOW, finished, origin
from tests.support.incidents import cause, incident, sighting
from tests.unit.controller.centre import Centre


async def known(centre: Centre, *, only_open: bool = True) -> Sequence[Incident]:
    async with centre.database.read() as db:
        return await incidents.every(db, only_open=only_open)


def refused(run: Run, number: int) -> RecordEvent:
    failure = Failure.of(RecordRefused(f"row {number}: Halo refused it"), Redactor())
    return RecordEvent(
        id=uuid4(),
        at=NOW,
        origin=origin(run),
        seq=number,
        level=Level.ERROR,
        text=failure.message,
        entity=EntityKind.USERS,
        source_id=str(number),
        name=f"user{number}",
        outcome="failed",
        failure=failure,
    )


async def test_a_failed_run_opens_an_incident_and_the_next_that_goes_through_ends_it(centre: Centre) -> None:
    await centre.set_up("one")
    run = await centre.leased()
    failure = Failure.of(SourceUnavailable("dc1 does not answer"), Redactor())
    await centre.inbox.take(finished(run, RunStatus.FAILED, failure=failure))

    (one,) = await known(centre)
    assert (title(one), one.message, one.run) == (
        "acme/people: The tool to read from is not available",
        "dc1 does not answer",
        run.id,
    )

    again = await centre.leased()
    await centre.inbox.take(finished(again, RunStatus.FAILED, failure=failure))
    (still,) = await known(centre)
    assert (still.id, still.failures) == (one.id, 2)

    well = await centre.leased()
    await centre.inbox.take(finished(well))
    assert await known(centre) == []
    (over,) = await known(centre, only_open=False)
    assert over.state is IncidentState.RECOVERED
    assert well.id in over.recovery


async def test_a_repeated_and_a_superseded_event_count_for_nothing(centre: Centre) -> None:
    await centre.set_up("one")
    run = await centre.leased()
    once = refused(run, 1)
    stale = once.model_copy(update={"id": uuid4(), "origin": origin(run, fence=run.fence - 1)})

    for event in (once, once, stale):
        await centre.inbox.take(event)

    (one,) = await known(centre)
    assert one.errors == 1


async def test_a_run_that_is_lost_opens_an_incident(centre: Centre) -> None:
    await centre.set_up("one")
    run = await centre.leased()
    async with centre.database.write() as db:
        await runs.save(db, run.model_copy(update={"attempt": 3}))
    centre.clock.move(timedelta(hours=7))
    await centre.reconciler.tick()

    assert [one.cause.code for one in await known(centre)] == ["LeaseLost"]


async def test_ten_thousand_errors_of_one_batch_are_one_incident(centre: Centre) -> None:
    await centre.set_up("one")
    run = await centre.leased()
    async with centre.database.write() as db:
        await recorder.record(db, [refused(run, number) for number in range(10_000)], NOW)

    (one,) = await known(centre)
    assert (one.errors, one.failures, one.cause.place) == (10_000, 1, "users")


async def test_in_a_batch_the_end_of_one_run_does_not_end_what_the_next_one_opened(centre: Centre) -> None:
    await centre.set_up("one")
    run = await centre.leased()
    before = finished(run.model_copy(update={"id": "ffffffffffff"}))
    async with centre.database.write() as db:
        await recorder.record(db, [before, refused(run, 1), finished(run, RunStatus.PARTIAL)], NOW)

    assert len(await known(centre)) == 1


async def test_two_writers_open_one_incident(centre: Centre) -> None:
    async with centre.database.write() as db:
        assert await incidents.add(db, incident())
        assert not await incidents.add(db, incident())
        await recorder.see(db, [sighting()])

    (one,) = await known(centre)
    assert one.errors == 2


async def test_a_cause_that_comes_back_opens_another_incident(centre: Centre) -> None:
    async with centre.database.write() as db:
        await recorder.see(db, [sighting()])
        (first,) = await incidents.open_with(db, [cause().code])
        await recorder.end(db, first, "well again", NOW)
        await recorder.see(db, [sighting()])

    assert len(await known(centre, only_open=False)) == 2
    assert len(await known(centre)) == 1
