"""Opening runs and sending their jobs: the run and its job are written in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.errors import Conflict
from halo_controller.lifecycle import Happening, follows
from halo_controller.nouns import Explaining, Integration, Run, Trigger
from halo_controller.store import integrations, outbox, runs
from halo_controller.store.outbox import Posting
from halo_controller.telling import tell, tell_all, word
from halo_controller.ways import Way, Ways
from halo_shared import telemetry
from halo_shared.identifiers import IntegrationRef, new_run_id
from halo_shared.messages.events import StatusChanged
from halo_shared.runs import Mode, RunStatus
from halo_shared.telemetry import Attributes


@dataclass(frozen=True, slots=True)
class Opening:
    """A run that is wanted."""

    integration: Integration
    trigger: Trigger
    reason: str
    mode: Mode | None = None
    explaining: Explaining | None = None


@dataclass(frozen=True, slots=True)
class _Draft:
    """A run that is written as soon as it is sure that no other is open."""

    run: Run
    job: Posting | None
    """None where it has to wait."""
    said: StatusChanged


async def open_run(
    db: AsyncConnection,
    ref: IntegrationRef,
    trigger: Trigger,
    reason: str,
    now: datetime,
    *,
    mode: Mode | None = None,
    explaining: Explaining | None = None,
) -> Run:
    """Open a run and put its job into the outbox; raises Conflict with what stands in the way, and NotFound."""
    wanted = Opening(await integrations.get(db, ref), trigger, reason, mode, explaining)
    (opened,) = await open_runs(db, [wanted], now)
    if isinstance(opened, Conflict):
        raise opened
    return opened


async def open_runs(
    db: AsyncConnection, wanted: Sequence[Opening], now: datetime
) -> Sequence[Run | Conflict]:
    """Open a run of each of these integrations, all of them together; for each its run, or what stands in the way.

    A run that explains leaves no trace in what is scheduled.
    """
    ways = await Ways.known(db, [one.integration for one in wanted])
    drafted = [await _drafted(db, one, ways, now) for one in wanted]
    drafts = [one for one in drafted if isinstance(one, _Draft)]
    in_the_way = await runs.add(db, *(draft.run for draft in drafts))
    opened = [draft for draft in drafts if draft.run.id not in in_the_way]
    await integrations.opened(db, [draft.run.ref for draft in opened if draft.run.whole], now)
    await outbox.put_all(db, [draft.job for draft in opened if draft.job])
    await tell_all(db, [draft.said for draft in opened], now)
    return [one if isinstance(one, Conflict) else in_the_way.get(one.run.id, one.run) for one in drafted]


async def queue_again(db: AsyncConnection, run: Run, happening: Happening, reason: str, now: datetime) -> Run:
    """Take an open run back into the queue for another attempt; raises Conflict when it can't be."""
    status = follows(run.status, happening)
    if status is not RunStatus.QUEUED:
        raise Conflict(f"Run {run.id} is {run.status}; it cannot be queued again.")
    integration = await integrations.get(db, run.ref)
    ways = await Ways.known(db, [integration])
    # Who was asked first and did not take it is not asked first again.
    way = ways.of(integration, now, at_once=happening is Happening.NOT_TAKEN)
    run = run.model_copy(
        update={
            "status": status,
            "fence": 0,  # the last attempt may not know yet that it is over: its words count no longer
            "agent": None,
            "session": None,
            "lease_until": None,
            "unheld_since": None,
            "deadline": None,  # waiting is not working: the next attempt has all the time again
            "progress": None,
            # A lost attempt may have written what was approved, which holds once: the next is held anew.
            "approved": () if happening is Happening.ATTEMPT_LOST else run.approved,
            "queued_at": now,
        }
    )
    run = await _on_its_way(db, run, integration, way, f"queue again {happening}", reason)
    await tell(db, run, f"Queued again for group {run.group}: {reason}.{way.words}", now)
    return run


async def take_turn(db: AsyncConnection, run_id: str, now: datetime) -> None:
    """Send the job of a hosted run that waited for its turn; one that waits no longer is left as it is."""
    run = await runs.find(db, run_id)
    if run is None or not run.waits_for_turn or run.status is not RunStatus.QUEUED:
        return
    integration = await integrations.get(db, run.ref)
    way = (await Ways.known(db, [integration])).of(integration, now, in_turn=True)
    why = f"Its turn has come.{way.words}"
    run = await _on_its_way(db, run, integration, way, "take turn", why)
    await tell(db, run, why, now)


async def _drafted(db: AsyncConnection, wanted: Opening, ways: Ways, now: datetime) -> _Draft | Conflict:
    integration, explaining = wanted.integration, wanted.explaining
    run_id = new_run_id()
    # The trace of a retry points to that of the run which it repeats.
    link = await runs.latest_trace(db, integration.ref) if wanted.trigger is Trigger.RETRY else None
    about = _about(integration.ref, run_id, wanted.reason)
    with telemetry.span(f"trigger {wanted.trigger}", link=link, attributes=about):
        try:
            way = ways.of(integration, now)
        except Conflict as error:
            return error
        run = Run(
            id=run_id,
            tenant=integration.tenant,
            integration=integration.spec.name,
            group=way.group,
            status=RunStatus.QUEUED,
            trigger=wanted.trigger,
            reason=wanted.reason,
            mode=explaining.mode if explaining else wanted.mode,
            queued_at=now,
            preview=explaining.preview if explaining else False,
            only=explaining.only if explaining else None,
            traceparent=telemetry.traceparent(),
        )
        job = None if way.wait else way.job(run, integration)
    said = word(run, f"Queued for group {way.group}: {wanted.reason}.{way.words}", now)
    return _Draft(way.taken_by(run), job, said)


async def _on_its_way(
    db: AsyncConnection, run: Run, integration: Integration, way: Way, doing: str, reason: str
) -> Run:
    """Keep a run that was open already, and let its job go this way; the run as it is then."""
    run = way.taken_by(run)
    await runs.save(db, run)
    with telemetry.span(doing, parent=run.traceparent, attributes=_about(run.ref, run.id, reason)):
        if not way.wait:
            await outbox.put(db, way.job(run, integration))
    return run


def _about(ref: IntegrationRef, run_id: str, reason: str) -> Attributes:
    return {
        "halo.tenant": ref.tenant,
        "halo.integration": ref.name,
        "halo.run": run_id,
        "halo.reason": reason,
    }
