"""What agents say of a run, and what it changes: once, and only under the fence that counts."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from halo_controller import steering
from halo_controller.leasing import LEASE
from halo_controller.nouns import Run, RunProgress
from halo_controller.store import events, integrations, runs
from halo_shared.entities import EntityKind
from halo_shared.errors import SourceUnavailable
from halo_shared.messages.base import Failure
from halo_shared.messages.codec import Envelope, seal
from halo_shared.messages.commands import LeaseGranted
from halo_shared.messages.events import EVENTS, FinalStatus, Level, Stage, StatusChanged
from halo_shared.redaction import Redactor
from halo_shared.runs import Mode, RunStatus, Tally
from halo_shared.topology import EVENTS_QUEUE, Address, to_monitors
from halo_shared.transport.consuming import serve_batches
from tests.support.builders import (
    NOW,
    OTHER_SESSION,
    REF,
    excess,
    finished,
    hello,
    integration_spec,
    lease_request,
    logged,
    origin,
    progress,
)
from tests.support.clock import eventually
from tests.support.nouns import running
from tests.unit.controller.centre import Centre

COUNTS = {EntityKind.USERS: Tally(read=1_200, updated=17, unchanged=1_183)}
CURSORS = {EntityKind.USERS: "usn:4711"}


async def said_by_agents(centre: Centre) -> Sequence[tuple[str, bool]]:
    """The kind of each stored event of an agent, and whether it came too late to count."""
    return [(event.kind, late) for event, late in await centre.told() if not isinstance(event, StatusChanged)]


async def lost_and_taken_over(centre: Centre) -> tuple[Run, Run]:
    """A run as it was in the hands of agent one, and as it is in those of agent two."""
    await centre.set_up("one", "two")
    before = await centre.leased("one")
    await centre.ask(hello("two", OTHER_SESSION))
    centre.clock.move(LEASE + timedelta(seconds=1))
    await centre.reconciler.tick()
    await centre.ask(lease_request(before.id, "two", OTHER_SESSION))
    return before, await centre.run(before.id)


@pytest.mark.parametrize(
    "status", [RunStatus.SUCCEEDED, RunStatus.PARTIAL, RunStatus.FAILED, RunStatus.CANCELLED]
)
async def test_an_attempt_ends_its_run(centre: Centre, status: FinalStatus) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    failure = Failure.of(SourceUnavailable(), Redactor())
    centre.clock.move(90)

    await centre.inbox.take(finished(leased, status, counts=COUNTS, requests=40, failure=failure))

    ended = await centre.run(leased.id)
    assert (ended.status, ended.ended_at, ended.lease_until) == (status, NOW + timedelta(seconds=90), None)
    assert (ended.counts, ended.requests, ended.failure) == (COUNTS, 40, failure)
    (attempt,) = await centre.attempts(leased.id)
    assert (attempt.end, attempt.ended_at) == (status, NOW + timedelta(seconds=90))
    assert await said_by_agents(centre) == [("finished", False)]


@pytest.mark.parametrize(
    ("status", "preview", "went_through"),
    [
        (RunStatus.SUCCEEDED, False, True),
        (RunStatus.PARTIAL, False, True),
        (RunStatus.SUCCEEDED, True, False),
        (RunStatus.FAILED, False, False),
        (RunStatus.HELD, False, False),
    ],
)
async def test_an_integration_knows_when_it_last_went_through(
    centre: Centre, status: FinalStatus, preview: bool, went_through: bool
) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    async with centre.database.write() as db:
        await runs.save(db, leased.model_copy(update={"preview": preview}))
    centre.clock.move(60)

    await centre.inbox.take(finished(leased, status))

    assert (await centre.integration()).last_success == (centre.clock.now() if went_through else None)


async def test_a_held_run_waits_for_a_person(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()

    await centre.inbox.take(finished(leased, RunStatus.HELD, held_for=(excess(),)))

    held = await centre.run(leased.id)
    assert (held.status, held.ended_at, held.lease_until) == (RunStatus.HELD, None, None)
    assert held.held_for == (excess(),)


async def test_requests_are_counted_over_all_attempts(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    await centre.inbox.take(finished(leased, RunStatus.HELD, requests=30))
    again = (await centre.run(leased.id)).model_copy(update={"status": RunStatus.RUNNING})
    async with centre.database.write() as db:
        await runs.save(db, again)

    await centre.inbox.take(finished(again, requests=12))

    assert (await centre.run(leased.id)).requests == 42


async def test_the_cursor_moves_with_the_end_that_it_belongs_to(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()

    await centre.inbox.take(finished(leased, cursors=CURSORS))

    integration = await centre.integration()
    assert (integration.cursors, integration.mode) == (CURSORS, Mode.DELTA)


async def test_a_partial_run_moves_the_cursor_where_its_agent_keeps_what_failed(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()

    last_word = finished(leased, RunStatus.PARTIAL, cursors=CURSORS)
    await centre.inbox.take(last_word.model_copy(update={"escrowed": 3}))

    known = await centre.integration()
    assert (known.cursors, known.escrowed) == (CURSORS, 3)


async def test_a_partial_run_whose_agent_keeps_nothing_leaves_the_cursor(centre: Centre) -> None:
    await centre.set_up("one")
    first = await centre.leased()
    await centre.inbox.take(finished(first, cursors=CURSORS))
    second = await centre.leased()

    await centre.inbox.take(finished(second, RunStatus.PARTIAL))

    assert (await centre.integration()).cursors == CURSORS


@pytest.mark.parametrize("status", [RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.HELD])
async def test_the_cursor_stays_where_it_is_unless_all_went_well(centre: Centre, status: FinalStatus) -> None:
    await centre.set_up("one")
    leased = await centre.leased()

    await centre.inbox.take(finished(leased, status, cursors=CURSORS))

    assert (await centre.integration()).cursors == {}


async def test_the_cursor_of_an_old_definition_says_nothing_of_the_new_one(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    async with centre.database.write() as db:
        await integrations.change(db, REF, integration_spec(connector="spreadsheet"), NOW)

    await centre.inbox.take(finished(leased, cursors=CURSORS))

    assert (await centre.run(leased.id)).status is RunStatus.SUCCEEDED
    assert (await centre.integration()).mode is Mode.FULL


async def test_end_event_and_cursor_are_stored_together_or_not_at_all(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    async with centre.database.write() as db:  # the cursor is the last that is written
        await db.exec_driver_sql(
            "CREATE TRIGGER full BEFORE UPDATE OF cursors ON integrations "
            "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )

    with pytest.raises(IntegrityError, match="the disk is full"):
        await centre.inbox.take(finished(leased, cursors=CURSORS))

    assert await centre.run(leased.id) == leased
    assert await said_by_agents(centre) == []
    assert (await centre.attempts(leased.id))[0].ended_at is None


async def test_a_repeated_event_changes_nothing(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    end = finished(leased, cursors=CURSORS, requests=40)
    await centre.inbox.take(end)
    ended = await centre.run(leased.id)
    centre.clock.move(60)

    await centre.inbox.take(end)

    assert await centre.run(leased.id) == ended
    assert await said_by_agents(centre) == [("finished", False)]


@pytest.mark.parametrize(
    ("first", "second"),
    [(RunStatus.FAILED, RunStatus.SUCCEEDED), (RunStatus.HELD, RunStatus.CANCELLED)],
)
async def test_an_attempt_has_one_end(centre: Centre, first: FinalStatus, second: FinalStatus) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    await centre.inbox.take(finished(leased, first))
    ended = await centre.run(leased.id)

    await centre.inbox.take(finished(leased, second, cursors=CURSORS))

    assert await centre.run(leased.id) == ended
    assert (await centre.integration()).cursors == {}
    assert await said_by_agents(centre) == [("finished", False), ("finished", True)]


async def test_a_word_under_an_old_fence_is_kept_and_changes_nothing(centre: Centre) -> None:
    before, now = await lost_and_taken_over(centre)

    for late in (progress(before), logged(before), finished(before, cursors=CURSORS)):
        await centre.inbox.take(late)

    assert now.fence > before.fence
    assert await centre.run(now.id) == now
    assert (await centre.integration()).cursors == {}
    assert await said_by_agents(centre) == [("log", True), ("finished", True)]


async def test_an_attempt_that_was_given_up_says_nothing_that_counts(centre: Centre) -> None:
    """Its run waits in the queue again, and nobody has a fence yet that is higher."""
    await centre.set_up("one", "two")
    leased = await centre.leased("one")
    centre.clock.move(LEASE + timedelta(seconds=1))
    await centre.reconciler.tick()
    queued = await centre.run(leased.id)

    await centre.inbox.take(finished(leased, cursors=CURSORS))

    assert await centre.run(leased.id) == queued
    assert await said_by_agents(centre) == [("finished", True)]


async def test_the_new_attempt_ends_the_run_all_the_same(centre: Centre) -> None:
    before, now = await lost_and_taken_over(centre)
    await centre.inbox.take(finished(before, RunStatus.FAILED))

    await centre.inbox.take(finished(now, cursors=CURSORS))

    assert (await centre.run(now.id)).status is RunStatus.SUCCEEDED
    assert (await centre.integration()).cursors == CURSORS
    assert [attempt.end for attempt in await centre.attempts(now.id)] == [
        "lost: agent one has not renewed its lease since 12:00:45 UTC",
        "succeeded",
    ]


@pytest.mark.parametrize(
    "wrong", [{"tenant": "globex"}, {"integration": "assets"}, {"agent": "two"}, {"agent": None}], ids=str
)
async def test_what_somebody_else_says_of_a_run_changes_nothing(
    centre: Centre, wrong: dict[str, str | None]
) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    end = finished(leased, cursors=CURSORS)

    await centre.inbox.take(end.model_copy(update={"origin": end.origin.model_copy(update=wrong)}))

    assert await centre.run(leased.id) == leased
    assert await said_by_agents(centre) == [("finished", True)]


async def test_a_word_on_a_run_that_nobody_knows_is_kept(centre: Centre) -> None:
    await centre.set_up("one")

    await centre.inbox.take(finished(running()))

    assert await said_by_agents(centre) == [("finished", True)]


async def test_progress_is_shown_and_not_kept(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()

    await centre.inbox.take(progress(leased, 40, counts=COUNTS))

    seen = await centre.run(leased.id)
    assert seen.progress == RunProgress(seq=2, stage=Stage.READ, done=40, total=100)
    assert (seen.counts, seen.status) == (COUNTS, RunStatus.RUNNING)
    assert await said_by_agents(centre) == []


async def test_progress_that_was_overtaken_changes_nothing(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    await centre.inbox.take(progress(leased, 40, counts=COUNTS, seq=5))
    seen = await centre.run(leased.id)

    await centre.inbox.take(progress(leased, 30, seq=4))
    assert await centre.run(leased.id) == seen
    await centre.inbox.take(progress(leased, 50, seq=6))

    now = await centre.run(leased.id)
    assert now.progress is not None
    assert (now.progress.done, now.progress.seq) == (50, 6)


async def test_progress_of_a_run_that_has_ended_is_of_no_use(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    await centre.inbox.take(finished(leased, counts=COUNTS))
    ended = await centre.run(leased.id)

    await centre.inbox.take(progress(leased, 40))

    assert await centre.run(leased.id) == ended


async def test_a_line_for_the_log_is_kept(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    line = logged(leased, "Mind the gap.")

    await centre.inbox.take(line)

    async with centre.database.read() as db:
        assert await events.of_run(db, leased.id, Level.WARNING) == [line]


async def test_a_batch_has_the_effect_of_its_events_in_their_order(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    line, end = logged(leased, "Mind the gap."), finished(leased, counts=COUNTS, cursors=CURSORS)
    stale = line.model_copy(update={"id": uuid4(), "origin": origin(leased, fence=leased.fence - 1)})
    after_the_end = finished(leased, RunStatus.FAILED)

    await centre.inbox.take(progress(leased, 40), line, line, stale, end, after_the_end, end)
    await centre.inbox.take(line, end)

    ended = await centre.run(leased.id)
    assert (ended.status, ended.counts) == (RunStatus.SUCCEEDED, COUNTS)
    assert (await centre.integration()).cursors == CURSORS
    assert sorted(await said_by_agents(centre)) == [
        ("finished", False),
        ("finished", True),
        ("log", False),
        ("log", True),
    ]


async def test_a_batch_that_cannot_be_stored_leaves_nothing_behind(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    before = await centre.told()
    broken = logged(leased).model_copy(update={"level": None})

    with pytest.raises(IntegrityError):
        await centre.inbox.take(finished(leased, cursors=CURSORS), broken)

    assert await centre.run(leased.id) == leased
    assert await centre.told() == before


async def test_what_the_controller_itself_said_is_not_taken_in(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    before = await centre.told()

    await centre.inbox.take(
        StatusChanged(
            id=uuid4(),
            at=NOW,
            origin=origin(leased),
            seq=0,
            level=Level.INFO,
            text="I say so.",
            status=RunStatus.LOST,
        )
    )

    assert await centre.told() == before
    assert await centre.run(leased.id) == leased


async def test_events_come_in_over_the_broker_and_what_is_not_understood_is_buried(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    end = finished(leased)
    await centre.transport.publish(Envelope("1", "x", b"\xff"), Address("events", "acme.people.x.info"))
    await centre.transport.publish(seal(end, message_id=str(end.id)), to_monitors(end))
    loop = asyncio.create_task(
        serve_batches(centre.transport, EVENTS_QUEUE, EVENTS, centre.inbox.take, prefetch=9)
    )

    async def over() -> bool:
        return (await centre.run(leased.id)).status.ended and centre.transport.unsettled == 0

    await eventually(over)

    loop.cancel()
    with suppress(asyncio.CancelledError):
        await loop
    (buried,) = centre.transport.buried()
    assert buried.why == "Unreadable: A message is not JSON with a protocol version."


async def test_an_approved_run_may_do_what_was_approved(centre: Centre) -> None:
    """The whole way round: held, approved, queued, leased, ended."""
    await centre.set_up("one")
    leased = await centre.leased()
    await centre.inbox.take(finished(leased, RunStatus.HELD, held_for=(excess(),)))
    async with centre.database.write() as db:
        await steering.approve(db, await centre.run(leased.id), None, "Ann", NOW)

    (granted,) = await centre.ask(lease_request(leased.id))
    assert isinstance(granted, LeaseGranted)
    await centre.inbox.take(finished(await centre.run(leased.id)))

    assert [one.up_to for one in granted.assignment.approved] == [212]
    assert (await centre.run(leased.id)).status is RunStatus.SUCCEEDED
