"""Opening runs and sending their jobs: the run and its job are written in one transaction."""

from contextlib import AbstractContextManager
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller import leasing
from halo_controller.errors import Conflict
from halo_controller.hosting.turns import in_line
from halo_controller.lifecycle import Happening, follows
from halo_controller.nouns import Agent, Explaining, Integration, Run, Trigger
from halo_controller.store import agents, hostings, integrations, outbox, runs
from halo_controller.telling import tell
from halo_shared import telemetry
from halo_shared.identifiers import IntegrationRef, new_run_id
from halo_shared.integrators import HOSTED_GROUP
from halo_shared.messages.base import OLDEST_VERSION
from halo_shared.messages.codec import seal
from halo_shared.messages.commands import Offer
from halo_shared.messages.jobs import SyncJob
from halo_shared.runs import Mode, RunStatus
from halo_shared.telemetry import Attributes, Span
from halo_shared.topology import to_agent, to_group


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
    """Open a run and put its job into the outbox; raises Conflict with what stands in the way.

    A run that explains leaves no trace in what is scheduled.
    """
    run_id = new_run_id()
    with await _triggered(db, ref, trigger, reason, run_id):
        integration = await integrations.get(db, ref)
        group = _ready_group(integration)
        wait = await _must_wait(db, ref.tenant, group)
        first = None if wait else await _first_choice(db, integration, now)
        run = Run(
            id=run_id,
            tenant=ref.tenant,
            integration=ref.name,
            group=group,
            status=RunStatus.QUEUED,
            trigger=trigger,
            reason=reason,
            mode=explaining.mode if explaining else mode,
            queued_at=now,
            waits_for_turn=wait is not None,
            offered_to=first.name if first else None,
            preview=explaining.preview if explaining else False,
            only=explaining.only if explaining else None,
            traceparent=telemetry.traceparent(),
        )
        await runs.add(db, run)
        if run.whole:
            await integrations.opened(db, ref, now)
        if wait is None:
            await _send_job(db, run, integration, first, now)
        await tell(db, run, f"Queued for group {group}: {reason}.{wait or _asked(first)}", now)
    return run


async def queue_again(db: AsyncConnection, run: Run, happening: Happening, reason: str, now: datetime) -> Run:
    """Take an open run back into the queue for another attempt; raises Conflict when it can't be."""
    status = follows(run.status, happening)
    if status is not RunStatus.QUEUED:
        raise Conflict(f"Run {run.id} is {run.status}; it cannot be queued again.")
    integration = await integrations.get(db, run.ref)
    group = _ready_group(integration)
    wait = await _must_wait(db, run.tenant, group)
    # Who was asked first and did not take it is not asked first again.
    first = None if wait or happening is Happening.NOT_TAKEN else await _first_choice(db, integration, now)
    run = run.model_copy(
        update={
            "status": status,
            "group": group,
            "waits_for_turn": wait is not None,
            "offered_to": first.name if first else None,
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
    await runs.save(db, run)
    with telemetry.span(
        f"queue again {happening}", parent=run.traceparent, attributes=_about(run.ref, run.id, reason)
    ):
        if wait is None:
            await _send_job(db, run, integration, first, now)
    await tell(db, run, f"Queued again for group {run.group}: {reason}.{wait or _asked(first)}", now)
    return run


async def take_turn(db: AsyncConnection, run_id: str, now: datetime) -> None:
    """Send the job of a hosted run that waited for its turn; one that waits no longer is left as it is."""
    run = await runs.find(db, run_id)
    if run is None or not run.waits_for_turn or run.status is not RunStatus.QUEUED:
        return
    integration = await integrations.get(db, run.ref)
    first = await _first_choice(db, integration, now)
    run = run.model_copy(update={"waits_for_turn": False, "offered_to": first.name if first else None})
    await runs.save(db, run)
    why = f"Its turn has come.{_asked(first)}"
    with telemetry.span("take turn", parent=run.traceparent, attributes=_about(run.ref, run.id, why)):
        await _send_job(db, run, integration, first, now)
    await tell(db, run, why, now)


async def _must_wait(db: AsyncConnection, tenant: str, group: str) -> str | None:
    """Why its job cannot be sent yet, to follow its reason; None where it can."""
    if group != HOSTED_GROUP:
        return None
    share = (await hostings.classes(db)).runs_at_once
    busy = sum(map(in_line, await runs.open_hosted(db, tenant)))
    if busy < share:
        return None
    return f" It waits for its turn: {tenant} has {busy} runs in line or at work, which is its share."


async def _first_choice(db: AsyncConnection, integration: Integration, now: datetime) -> Agent | None:
    """The agent that is asked before its group; None where the group is asked at once."""
    found = await agents.with_work(db, integration.last_agent) if integration.last_agent else None
    if found is None:
        return None
    last, busy = found
    return last if leasing.is_first_choice(last, integration, busy, now) else None


def _asked(first: Agent | None) -> str:
    return f" Agent {first.name} made the attempt before and is asked first." if first else ""


async def _send_job(
    db: AsyncConnection, run: Run, integration: Integration, first: Agent | None, now: datetime
) -> None:
    message: Offer | SyncJob
    if first:
        message, to, version = Offer(run=run.id), to_agent(first.name), first.protocol
    else:
        message = SyncJob(
            run=run.id,
            tenant=run.tenant,
            integration=run.integration,
            connector=integration.spec.connector,
            queued_at=now,
        )
        # Any agent of the group may take it, so it speaks as the oldest of them.
        to, version = to_group(run.group), OLDEST_VERSION
    sealed = seal(
        message,
        message_id=f"{run.id}.{run.attempt}",
        version=version,
        traceparent=telemetry.traceparent(),
    )
    await outbox.put(db, sealed, to, run=run.id)


async def _triggered(
    db: AsyncConnection, ref: IntegrationRef, trigger: Trigger, reason: str, run_id: str
) -> AbstractContextManager[Span]:
    """The first span of a run's trace; that of a retry points to the run that it repeats."""
    before = (await runs.latest(db, ref.tenant)).get(ref) if trigger is Trigger.RETRY else None
    link = before.traceparent if before else None
    return telemetry.span(f"trigger {trigger}", link=link, attributes=_about(ref, run_id, reason))


def _about(ref: IntegrationRef, run_id: str, reason: str) -> Attributes:
    return {
        "halo.tenant": ref.tenant,
        "halo.integration": ref.name,
        "halo.run": run_id,
        "halo.reason": reason,
    }


def _ready_group(integration: Integration) -> str:
    ref = integration.ref
    if not integration.enabled:
        raise Conflict(f"'{ref}' is disabled; enable it with: halo-controller integrations enable {ref}")
    if integration.spec.group is None:
        raise Conflict(
            f"'{ref}' is assigned to no group of agents; assign it with: "
            f"halo-controller integrations assign {ref} --group GROUP"
        )
    return integration.spec.group
