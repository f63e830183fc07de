"""Taking in what agents say: transition, outcome and cursor together, once per event."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.incidents import recorder
from halo_controller.lifecycle import TRANSITIONS, Happening
from halo_controller.nouns import Run, RunProgress
from halo_controller.store import events, integrations, runs
from halo_controller.store.database import Database
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.messages.events import Event, Finished, Progress, StatusChanged
from halo_shared.runs import RunStatus

log = logs.get(__name__)

_ENDS = {
    RunStatus.SUCCEEDED: Happening.SUCCEEDED,
    RunStatus.PARTIAL: Happening.PARTIAL,
    RunStatus.FAILED: Happening.FAILED,
    RunStatus.CANCELLED: Happening.CANCELLED,
    RunStatus.HELD: Happening.HELD,
}


class Inbox:
    """Stores one event after the other; a repeat changes nothing, nor does a word under an old fence."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def take(self, event: Event) -> None:
        """Store this event and let it have its effect."""
        if isinstance(event, StatusChanged):
            return  # our own word, stored when it was said
        async with self._database.write() as db:
            if await events.known(db, event):
                return
            run = await runs.find(db, event.origin.run)
            heard = run if run and _counts(run, event) else None
            if not isinstance(event, Progress):
                await events.add(db, event, superseded=heard is None)
            if heard:
                await _affect(db, heard, event, self._clock.now())
                await recorder.record(db, [event], self._clock.now())
            else:
                log.warning(
                    "event_superseded", run=event.origin.run, fence=event.origin.fence, kind=event.kind
                )


def _counts(run: Run, event: Event) -> bool:
    """Whether this is said of the present attempt, by its agent; the end of an attempt that is over comes too late."""
    origin = event.origin
    said_of = (origin.tenant, origin.integration, origin.agent, origin.fence)
    if said_of != (run.tenant, run.integration, run.agent, run.fence):
        return False
    return not isinstance(event, Finished) or run.status is RunStatus.RUNNING


async def _affect(db: AsyncConnection, run: Run, event: Event, now: datetime) -> None:
    match event:
        case Progress():
            await runs.save(db, _progressed(run, event))
        case Finished():
            await _finish(db, run, event, now)
        case _ if run.unheld_since:
            await runs.save(db, run.model_copy(update={"unheld_since": None}))
        case _:
            return


def _progressed(run: Run, event: Progress) -> Run:
    overtaken = run.progress is not None and event.seq < run.progress.seq
    if run.status is not RunStatus.RUNNING or overtaken:
        return run
    progress = RunProgress(seq=event.seq, stage=event.stage, done=event.done, total=event.total)
    return run.model_copy(update={"progress": progress, "counts": event.counts, "unheld_since": None})


async def _finish(db: AsyncConnection, run: Run, event: Finished, now: datetime) -> None:
    status = TRANSITIONS[run.status, _ENDS[event.status]]
    run = run.model_copy(
        update={
            "status": status,
            "ended_at": now if status.ended else None,
            "lease_until": None,
            "counts": event.counts,
            "requests": run.requests + event.requests,
            "failure": event.failure,
            "held_for": event.held_for,
        }
    )
    await runs.save(db, run)
    await runs.end_attempt(db, run, status, now)
    if status is RunStatus.SUCCEEDED:
        await integrations.read_up_to(db, run.ref, run.fence, event.cursors)
    log.info("run_ended" if status.ended else "run_held", run=run.id, status=status, ref=str(run.ref))
