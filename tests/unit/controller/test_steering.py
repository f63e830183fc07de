"""What a person may do to a run."""

from datetime import timedelta

import pytest

from halo_controller import steering
from halo_controller.errors import Conflict, Invalid
from halo_controller.nouns import Run
from halo_controller.store import integrations
from halo_shared.entities import EntityKind
from halo_shared.messages.commands import Cancel, LeaseGranted, LeasesRenewed
from halo_shared.messages.events import FinalStatus, Level, StatusChanged
from halo_shared.runs import Action, Approval, RunStatus
from tests.support.builders import NOW, REF, excess, finished, lease_request
from tests.unit.controller.centre import Centre

RETIRE = Approval(entity=EntityKind.USERS, action=Action.RETIRE, up_to=212)
UPDATE = Approval(entity=EntityKind.USERS, action=Action.UPDATE, up_to=900)


async def cancel(centre: Centre, run: Run) -> Run:
    async with centre.database.write() as db:
        return await steering.cancel(db, run, "not wanted", centre.clock.now())


async def approve(centre: Centre, run: Run, up_to: int | None = None) -> Run:
    async with centre.database.write() as db:
        return await steering.approve(db, run, up_to, "Ann", centre.clock.now())


async def held(centre: Centre) -> Run:
    await centre.set_up("one")
    leased = await centre.leased()
    await centre.inbox.take(finished(leased, RunStatus.HELD, held_for=(excess(),)))
    return await centre.run(leased.id)


async def last_told(centre: Centre) -> StatusChanged:
    told = [event for event, _ in await centre.told() if isinstance(event, StatusChanged)]
    return told[-1]


async def test_a_plan_that_is_held_of_a_run_whose_end_was_asked_for_waits_for_nobody(centre: Centre) -> None:
    """Else the cancel stays requested for ever, and an approval is followed by the end that was asked for before."""
    await centre.set_up("one")
    leased = await centre.leased()
    await cancel(centre, leased)

    await centre.inbox.take(finished(leased, RunStatus.HELD, held_for=(excess(),)))

    ended = await centre.run(leased.id)
    assert (ended.status, ended.ended_at, ended.held_for) == (RunStatus.CANCELLED, NOW, ())
    (attempt,) = await centre.attempts(leased.id)
    assert attempt.end == RunStatus.CANCELLED
    told = await last_told(centre)
    assert (told.status, told.text) == (RunStatus.CANCELLED, f"Cancelled: {ended.cancel_reason}.")


@pytest.mark.parametrize("published", [False, True])
async def test_a_run_that_waits_is_cancelled_at_once(centre: Centre, published: bool) -> None:
    await centre.set_up("one")
    opened = await centre.open()
    if published:
        await centre.publisher.publish_some()
    centre.clock.move(60)

    cancelled = await cancel(centre, await centre.run(opened.id))

    assert await centre.run(opened.id) == cancelled
    assert (cancelled.status, cancelled.ended_at) == (RunStatus.CANCELLED, NOW + timedelta(minutes=1))
    said = await last_told(centre)
    assert (said.status, said.level, said.text) == (
        RunStatus.CANCELLED,
        Level.WARNING,
        "Cancelled: not wanted.",
    )


async def test_a_held_run_is_cancelled_at_once(centre: Centre) -> None:
    assert (await cancel(centre, await held(centre))).status is RunStatus.CANCELLED


async def test_the_agent_of_a_running_run_is_asked_to_stop_it(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()

    asked = await cancel(centre, leased)
    await centre.publisher.publish_some()

    assert await centre.run(leased.id) == asked
    assert (asked.status, asked.cancel_reason) == (RunStatus.RUNNING, "not wanted")
    assert await centre.heard("one") == [Cancel(run=leased.id, reason="not wanted")]
    assert (await last_told(centre)).text == "Cancelling was asked of agent one: not wanted."
    await centre.inbox.take(finished(asked, RunStatus.CANCELLED))
    assert (await centre.run(leased.id)).status is RunStatus.CANCELLED


@pytest.mark.parametrize("status", [RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED])
async def test_what_has_ended_is_not_cancelled(centre: Centre, status: FinalStatus) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    await centre.inbox.take(finished(leased, status))
    ended = await centre.run(leased.id)

    with pytest.raises(Conflict) as refused:
        await cancel(centre, ended)

    assert refused.value.message == f"Run {ended.id} has ended ({status}) and cannot be changed."
    assert await centre.run(leased.id) == ended


async def test_an_approved_run_starts_a_new_attempt_that_carries_the_approval(centre: Centre) -> None:
    waiting = await held(centre)
    centre.clock.move(timedelta(hours=14))  # the deadline of the first attempt is long past

    approved = await approve(centre, waiting)
    (granted,) = await centre.ask(lease_request(waiting.id))

    assert (approved.status, approved.approved, approved.held_for) == (RunStatus.QUEUED, (RETIRE,), ())
    assert (await last_told(centre)).text == (
        "Queued again for group site: Ann approved: retire up to 212 users."
    )
    assert isinstance(granted, LeaseGranted)
    assert (granted.attempt, granted.fence) == (2, 2)
    assert granted.assignment.approved == (RETIRE,)
    assert granted.deadline == centre.clock.now() + timedelta(hours=6)
    await centre.reconciler.tick()
    assert (await centre.run(waiting.id)).status is RunStatus.RUNNING


async def test_a_person_may_approve_fewer_than_were_found(centre: Centre) -> None:
    approved = await approve(centre, await held(centre), 50)

    assert [one.up_to for one in approved.approved] == [50]


async def test_what_was_approved_before_still_stands(centre: Centre) -> None:
    first = await approve(centre, await held(centre))
    await centre.ask(lease_request(first.id))
    attempt = await centre.run(first.id)
    await centre.inbox.take(finished(attempt, RunStatus.HELD, held_for=(excess(action="update", found=900),)))

    second = await approve(centre, await centre.run(first.id))

    assert second.approved == (RETIRE, UPDATE)


async def test_what_is_approved_anew_replaces_what_was(centre: Centre) -> None:
    first = await approve(centre, await held(centre), 50)
    await centre.ask(lease_request(first.id))
    attempt = await centre.run(first.id)
    await centre.inbox.take(finished(attempt, RunStatus.HELD, held_for=(excess(),)))

    second = await approve(centre, await centre.run(first.id))

    assert second.approved == (RETIRE,)


@pytest.mark.parametrize("up_to", [0, -5])
async def test_nothing_cannot_be_approved(centre: Centre, up_to: int) -> None:
    waiting = await held(centre)

    with pytest.raises(Invalid, match=r"Approve one record at the least, or reject the run."):
        await approve(centre, waiting, up_to)


async def test_an_approval_for_a_disabled_integration_is_refused_with_the_cure(centre: Centre) -> None:
    waiting = await held(centre)
    async with centre.database.write() as db:
        await integrations.switch(db, REF, enabled=False)

    with pytest.raises(Conflict, match="halo-controller integrations enable acme/people"):
        await approve(centre, waiting)

    assert await centre.run(waiting.id) == waiting


async def test_a_rejected_run_ends(centre: Centre) -> None:
    waiting = await held(centre)

    async with centre.database.write() as db:
        await steering.reject(db, waiting, "Ann", NOW)

    assert (await centre.run(waiting.id)).status is RunStatus.CANCELLED
    assert (await last_told(centre)).text == "Ann rejected the held plan; nothing was written."


async def test_only_a_held_run_is_approved_or_rejected(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()

    async with centre.database.write() as db:
        with pytest.raises(
            Conflict, match=f"Run {leased.id} is running, not held; there is nothing to approve."
        ):
            await steering.approve(db, leased, None, "Ann", NOW)
        with pytest.raises(
            Conflict, match=f"Run {leased.id} is running, not held; there is nothing to reject."
        ):
            await steering.reject(db, leased, "Ann", NOW)


async def test_an_agent_hears_at_once_that_it_is_drained_and_renews_nothing_by_it(centre: Centre) -> None:
    await centre.set_up("one", "two")
    await centre.leased()
    async with centre.database.write() as db:
        await steering.drain(db, "one", draining=True)
        await steering.drain(db, "two", draining=True)
    await centre.publisher.publish_some()

    (notice,) = await centre.heard("one")
    assert isinstance(notice, LeasesRenewed)
    assert (notice.drain, notice.renewed, notice.revoked) == (True, (), ())
    assert await centre.heard("two") == [], "it has no session to be told in"
