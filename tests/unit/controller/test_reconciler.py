"""The safety net: what is noticed, and what becomes of it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from halo_controller import steering
from halo_controller.leasing import FIRST_CHOICE_FOR, LEASE, MOST_ATTEMPTS
from halo_controller.nouns import DEAD_AFTER, HEARTBEAT, PARTED_AFTER, SILENT_AFTER, Agent, Run
from halo_controller.reconciler import TICK, GiveUp, Leave, SendAgain, verdict
from halo_controller.store import agents, integrations, runs
from halo_shared.errors import LeaseLost
from halo_shared.messages.base import Failure
from halo_shared.messages.commands import LeaseGranted, LeaseRefused, LeasesRenewed
from halo_shared.messages.events import Event, Level, StatusChanged
from halo_shared.messages.requests import Goodbye, HeldLease
from halo_shared.redaction import Redactor
from halo_shared.runs import RunStatus
from halo_shared.topology import REDISPATCH_AFTER
from tests.support.builders import (
    NOW,
    OTHER_SESSION,
    REF,
    SESSION,
    finished,
    heartbeat,
    hello,
    integration_spec,
    lease_request,
    logged,
    progress,
)
from tests.support.nouns import agent, run, running
from tests.unit.controller.centre import HEARS_WELL, Centre

ONE = agent("one")
SECOND = timedelta(seconds=1)
ALONE = running(lease_until=NOW + timedelta(hours=6))
DISPATCHED = run(RunStatus.DISPATCHED, dispatched_at=NOW)
OFFERED = run(RunStatus.DISPATCHED, dispatched_at=NOW, offered_to="one")
NOT_RENEWED = GiveUp("agent one has not renewed its lease since 12:00:45 UTC")
RESTARTED = GiveUp("agent one was restarted and no longer works on it")
NOT_HEARD = GiveUp("agent one has not been heard since 12:00:00 UTC")
NOT_TAKEN = SendAgain("no agent of group site took it since 12:00:00 UTC")


@pytest.mark.parametrize(
    ("of", "agent_now", "after", "expected"),
    [
        (run(), None, timedelta(days=1), Leave()),
        (DISPATCHED, None, REDISPATCH_AFTER, Leave()),
        (DISPATCHED, None, REDISPATCH_AFTER + SECOND, NOT_TAKEN),
        (OFFERED, None, FIRST_CHOICE_FOR, Leave()),
        (OFFERED, None, FIRST_CHOICE_FOR + SECOND, SendAgain("agent one was asked first and did not take it")),
        (running(), ONE, LEASE, Leave()),
        (running(), ONE, LEASE + SECOND, NOT_RENEWED),
        (running(), None, LEASE, Leave()),  # the agent was removed, but may still write
        (running(), None, LEASE + SECOND, NOT_RENEWED),
        (running(), agent(session=OTHER_SESSION), timedelta(), RESTARTED),
        (running(), agent(session=OTHER_SESSION, spooled=1), timedelta(), Leave()),
        (running(unheld_since=NOW), agent(session=OTHER_SESSION, spooled=1), SILENT_AFTER, Leave()),
        (running(unheld_since=NOW), agent(session=OTHER_SESSION, spooled=1), SILENT_AFTER + SECOND, RESTARTED),
        (ALONE, agent(session=OTHER_SESSION, spooled=1), DEAD_AFTER + SECOND, NOT_HEARD),
        (ALONE, ONE, DEAD_AFTER, Leave()),
        (ALONE, ONE, DEAD_AFTER + SECOND, GiveUp("agent one has not been heard since 12:00:00 UTC")),
        (ALONE, agent(session=None, seen_at=NOW), PARTED_AFTER, Leave()),  # its last words may be on their way
        (ALONE, agent(session=None, seen_at=NOW), PARTED_AFTER + SECOND, GiveUp("agent one has stopped and no longer works on it")),
        (ALONE, agent(stalled=300), timedelta(), Leave()),
        (ALONE, agent(stalled=301), timedelta(), GiveUp("agent one has not moved for 5 minutes")),
        (running(), ONE, timedelta(hours=6) + SECOND, GiveUp("it did not end by its deadline, 2026-01-05 18:00:00 UTC")),
        (run(RunStatus.HELD), ONE, timedelta(days=9), Leave()),
        (run(RunStatus.SUCCEEDED), ONE, timedelta(days=9), Leave()),
    ],
)  # fmt: skip
def test_what_a_run_needs(
    of: Run, agent_now: Agent | None, after: timedelta, expected: Leave | SendAgain | GiveUp
) -> None:
    assert verdict(of, agent_now, NOW + after, HEARS_WELL) == expected


async def test_a_run_in_good_hands_is_left_alone(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()

    await centre.reconciler.tick()

    assert await centre.run(leased.id) == leased
    assert await centre.waiting() == []


async def test_a_job_that_nobody_took_is_sent_again(centre: Centre) -> None:
    await centre.set_up("one")
    opened = await centre.open()
    await centre.publisher.publish_some()
    await centre.jobs()
    centre.clock.move(REDISPATCH_AFTER + SECOND)

    await centre.reconciler.tick()
    await centre.reconciler.tick()
    assert (await centre.run(opened.id)).status is RunStatus.QUEUED
    await centre.publisher.publish_some()

    again = await centre.run(opened.id)
    assert (again.status, again.dispatched_at, again.attempt) == (
        RunStatus.DISPATCHED,
        centre.clock.now(),
        0,
    )
    assert [job.run for job in await centre.jobs()] == [opened.id]


async def test_a_job_that_nobody_took_goes_where_the_integration_is_assigned_now(centre: Centre) -> None:
    await centre.set_up("one")
    opened = await centre.open()
    await centre.publisher.publish_some()
    async with centre.database.write() as db:
        await integrations.change(db, REF, integration_spec(group="other"), NOW)
    centre.clock.move(REDISPATCH_AFTER + SECOND)

    await centre.reconciler.tick()
    await centre.publisher.publish_some()

    assert [job.run for job in await centre.jobs("other")] == [opened.id]
    assert (await centre.run(opened.id)).group == "other"


async def test_a_job_that_nobody_took_of_a_disabled_integration_is_cancelled(centre: Centre) -> None:
    await centre.set_up("one")
    opened = await centre.open()
    await centre.publisher.publish_some()
    async with centre.database.write() as db:
        await integrations.switch(db, REF, enabled=False)
    centre.clock.move(REDISPATCH_AFTER + SECOND)

    await centre.reconciler.tick()

    assert (await centre.run(opened.id)).status is RunStatus.CANCELLED
    last, _ = (await centre.told())[-1]
    assert last.text == (
        "Cancelled: no agent of group site took it since 12:00:00 UTC, and it is not sent again: 'acme/people' is "
        "disabled; enable it with: halo-controller integrations enable acme/people."
    )


async def test_the_run_of_a_restarted_agent_is_queued_again_and_the_third_time_lost(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()

    fences = [leased.fence]
    for number in range(2, MOST_ATTEMPTS + 1):
        await centre.ask(hello(session=OTHER_SESSION if number % 2 == 0 else SESSION))
        await centre.reconciler.tick()
        queued = await centre.run(leased.id)
        assert (queued.status, queued.agent, queued.lease_until) == (RunStatus.QUEUED, None, None)
        session = OTHER_SESSION if number % 2 == 0 else SESSION
        (granted,) = await centre.ask(lease_request(leased.id, session=session))
        assert isinstance(granted, LeaseGranted)
        assert granted.attempt == number
        fences.append(granted.fence)
    await centre.ask(hello(session=OTHER_SESSION))
    await centre.reconciler.tick()

    lost = await centre.run(leased.id)
    assert fences == [1, 2, 3]
    assert (lost.status, lost.ended_at, lost.lease_until) == (RunStatus.LOST, centre.clock.now(), None)
    assert lost.failure is not None
    assert lost.failure.message == "The run was lost: agent one was restarted and no longer works on it."
    assert [attempt.end for attempt in await centre.attempts(leased.id)] == [
        "lost: agent one was restarted and no longer works on it"
    ] * MOST_ATTEMPTS
    last, _ = (await centre.told())[-1]
    assert isinstance(last, StatusChanged)
    assert (last.status, last.level, last.failure) == (RunStatus.LOST, Level.ERROR, lost.failure)


async def test_another_agent_takes_over_with_a_higher_fence_when_a_lease_is_not_renewed(
    centre: Centre,
) -> None:
    await centre.set_up("one", "two")
    leased = await centre.leased("one")
    await centre.ask(hello("two", OTHER_SESSION))
    centre.clock.move(LEASE + SECOND)

    (early,) = await centre.ask(lease_request(leased.id, "two", OTHER_SESSION))
    await centre.reconciler.tick()
    (granted,) = await centre.ask(lease_request(leased.id, "two", OTHER_SESSION))

    assert isinstance(early, LeaseRefused)
    assert isinstance(granted, LeaseGranted)
    assert granted.fence > leased.fence
    (renewed,) = await centre.ask(heartbeat("one", held=[HeldLease(run=leased.id, fence=leased.fence)]))
    assert isinstance(renewed, LeasesRenewed)
    assert (renewed.renewed, renewed.revoked) == ((), (leased.id,))


@pytest.mark.parametrize(("of", "after"), [(ALONE, timedelta(hours=6)), (running(), timedelta(hours=6))])
def test_a_centre_that_could_not_hear_calls_nobody_silent(of: Run, after: timedelta) -> None:
    assert verdict(of, ONE, NOW + after, heard_for=DEAD_AFTER - SECOND) == Leave()


async def test_an_agent_alone_in_its_group_that_falls_silent_loses_its_attempt(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    centre.clock.move(DEAD_AFTER + SECOND)

    await centre.reconciler.tick()
    await centre.publisher.publish_some()
    (renewed,) = await centre.ask(heartbeat(held=[HeldLease(run=leased.id, fence=leased.fence)]))

    assert (await centre.run(leased.id)).status is RunStatus.DISPATCHED
    assert isinstance(renewed, LeasesRenewed)
    assert renewed.revoked == (leased.id,)


async def test_a_goodbye_ends_the_attempts_of_its_session_and_no_other(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()

    assert await centre.ask(Goodbye(agent="one", session=OTHER_SESSION)) == []
    centre.clock.move(PARTED_AFTER + SECOND)
    await centre.reconciler.tick()
    assert (await centre.run(leased.id)).status is RunStatus.RUNNING

    assert await centre.ask(Goodbye(agent="one", session=SESSION)) == []
    centre.clock.move(PARTED_AFTER + SECOND)
    await centre.reconciler.tick()
    assert (await centre.run(leased.id)).status is RunStatus.QUEUED


async def test_an_attempt_whose_agent_lost_its_lease_is_lost_and_the_run_is_not(centre: Centre) -> None:
    await centre.set_up("one", "two")
    leased = await centre.leased()
    failure = Failure.of(LeaseLost(), Redactor())

    await centre.inbox.take(finished(leased, RunStatus.FAILED, failure=failure))
    await centre.reconciler.tick()

    assert (await centre.run(leased.id)).status is RunStatus.QUEUED


async def test_a_run_that_does_not_end_by_its_deadline_is_lost(centre: Centre) -> None:
    await centre.set_up("one", spec=integration_spec(deadline=timedelta(hours=1)))
    leased = await centre.leased()

    centre.clock.move(timedelta(hours=1) + SECOND)
    await centre.reconciler.tick()
    lost = await centre.run(leased.id)
    assert (lost.status, lost.lease_until) == (
        RunStatus.LOST,
        None,
    )  # it had its time, and is not tried again
    assert lost.failure is not None
    assert "did not end by its deadline, 2026-01-05 13:00:00 UTC" in lost.failure.message


async def beat_without(centre: Centre, times: int, *, spooled: int = 0) -> None:
    """The agent lives, and holds nothing."""
    for _ in range(times):
        centre.clock.move(HEARTBEAT)
        await centre.ask(heartbeat(spooled=spooled))
        await centre.reconciler.tick()


async def test_an_attempt_that_its_agent_does_not_hold_is_lost(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()

    await beat_without(centre, 4)
    assert (await centre.run(leased.id)).status is RunStatus.RUNNING  # its end may be on the way
    await beat_without(centre, 1)

    queued = await centre.run(leased.id)
    assert (queued.status, queued.unheld_since) == (RunStatus.QUEUED, None)
    (attempt,) = await centre.attempts(leased.id)
    assert attempt.end == "lost: agent one no longer works on it"


async def test_a_lease_under_another_fence_is_not_this_one(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()

    for _ in range(5):
        centre.clock.move(HEARTBEAT)
        await centre.ask(heartbeat(held=[HeldLease(run=leased.id, fence=leased.fence + 1)], spooled=0))
    await centre.reconciler.tick()

    assert (await centre.run(leased.id)).status is RunStatus.QUEUED


async def test_an_attempt_that_its_agent_holds_goes_on(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()

    await beat_without(centre, 3)  # sent before the grant arrived
    for _ in range(9):
        centre.clock.move(HEARTBEAT)
        await centre.ask(heartbeat(held=[HeldLease(run=leased.id, fence=leased.fence)], spooled=0))
        await centre.reconciler.tick()

    run_now = await centre.run(leased.id)
    assert (run_now.status, run_now.unheld_since) == (RunStatus.RUNNING, None)


async def test_what_ended_while_the_controller_was_away_has_time_to_be_told(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    centre.clock.move(timedelta(minutes=20))  # nobody was heard

    await beat_without(centre, 4)
    assert (await centre.run(leased.id)).status is RunStatus.RUNNING
    await centre.inbox.take(finished(leased))

    assert (await centre.run(leased.id)).status is RunStatus.SUCCEEDED


async def test_an_end_that_may_lie_in_the_agents_outbox_is_waited_for(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()

    await beat_without(centre, 9, spooled=1)

    assert (await centre.run(leased.id)).status is RunStatus.RUNNING


@pytest.mark.parametrize("say", [logged, progress])
async def test_an_attempt_whose_words_still_arrive_is_not_lost(
    centre: Centre, say: Callable[[Run], Event]
) -> None:
    await centre.set_up("one")
    leased = await centre.leased()

    await beat_without(centre, 4)
    await centre.inbox.take(say(leased))
    await beat_without(centre, 4)

    assert (await centre.run(leased.id)).status is RunStatus.RUNNING


async def test_each_attempt_has_the_whole_time(centre: Centre) -> None:
    await centre.set_up("one", spec=integration_spec(deadline=timedelta(hours=1)))
    leased = await centre.leased()
    centre.clock.move(timedelta(minutes=50))
    await centre.ask(hello(session=OTHER_SESSION))
    await centre.reconciler.tick()
    centre.clock.move(timedelta(minutes=50))

    (granted,) = await centre.ask(lease_request(leased.id, session=OTHER_SESSION))

    assert isinstance(granted, LeaseGranted)
    assert (granted.deadline, granted.lease_seconds) == (centre.clock.now() + timedelta(hours=1), 3600)


async def test_an_end_that_waits_on_the_disk_of_a_restarted_agent_is_the_end(centre: Centre) -> None:
    """Else the run is done once more, although it succeeded."""
    await centre.set_up("one")
    leased = await centre.leased()
    await centre.ask(hello(session=OTHER_SESSION).model_copy(update={"spooled": 1}))

    await centre.reconciler.tick()
    await centre.inbox.take(finished(leased))

    ended = await centre.run(leased.id)
    assert (ended.status, ended.attempt) == (RunStatus.SUCCEEDED, 1)


async def test_a_run_that_was_to_be_cancelled_is_not_tried_again(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    async with centre.database.write() as db:
        await steering.cancel(db, leased, "not wanted", NOW)
    await centre.ask(hello(session=OTHER_SESSION))

    await centre.reconciler.tick()

    assert (await centre.run(leased.id)).status is RunStatus.LOST


async def test_a_lost_attempt_of_a_disabled_integration_is_the_last(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    async with centre.database.write() as db:
        await integrations.switch(db, REF, enabled=False)
    await centre.ask(hello(session=OTHER_SESSION))

    await centre.reconciler.tick()

    lost = await centre.run(leased.id)
    assert lost.failure is not None
    assert lost.failure.message == (
        "The run was lost: agent one was restarted and no longer works on it; it is not tried again: 'acme/people' is "
        "disabled; enable it with: halo-controller integrations enable acme/people."
    )


async def test_what_ended_between_the_look_and_the_mending_is_left_alone(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    await centre.ask(hello(session=OTHER_SESSION))
    ended = leased.model_copy(update={"status": RunStatus.SUCCEEDED, "ended_at": NOW, "lease_until": None})

    async with centre.overtaking(centre.reconciler.tick()) as db:
        await runs.save(db, ended)

    assert await centre.run(leased.id) == ended


async def test_an_agent_that_was_removed_keeps_its_lease_while_it_lasts(centre: Centre) -> None:
    await centre.set_up("one", "two")
    leased = await centre.leased("one")
    async with centre.database.write() as db:
        await agents.remove(db, "one")

    await centre.reconciler.tick()
    assert (await centre.run(leased.id)).status is RunStatus.RUNNING
    centre.clock.move(LEASE + SECOND)
    await centre.reconciler.tick()
    assert (await centre.run(leased.id)).status is RunStatus.QUEUED


async def test_the_loop_looks_every_few_seconds(centre: Centre) -> None:
    await centre.set_up("one", "two")
    leased = await centre.leased("one")
    loop = asyncio.create_task(centre.reconciler.run())
    await centre.clock.asleep()

    await centre.clock.advance(LEASE)
    assert (await centre.run(leased.id)).status is RunStatus.RUNNING
    await centre.clock.advance(TICK)
    assert (await centre.run(leased.id)).status is RunStatus.QUEUED

    loop.cancel()
    with suppress(asyncio.CancelledError):
        await loop
