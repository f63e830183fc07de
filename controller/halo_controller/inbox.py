"""Taking in what agents say: transition, outcome and cursor together, once per event."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeGuard
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.consequences import follow
from halo_controller.incidents import recorder
from halo_controller.lifecycle import TRANSITIONS, Happening
from halo_controller.nouns import Run, RunProgress
from halo_controller.store import events, integrations, records, runlog, runs
from halo_controller.store.database import Database
from halo_controller.telling import tell
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.errors import LeaseLost
from halo_shared.messages.events import Event, Finished, Outcomes, Progress, StatusChanged
from halo_shared.runs import RunStatus

log = logs.get(__name__)

_ENDS = {
    RunStatus.SUCCEEDED: Happening.SUCCEEDED,
    RunStatus.PARTIAL: Happening.PARTIAL,
    RunStatus.FAILED: Happening.FAILED,
    RunStatus.CANCELLED: Happening.CANCELLED,
    RunStatus.HELD: Happening.HELD,
}


_UNSTORED: Final = (Progress, Outcomes)
"""What is not kept as an event: progress lives in its run, outcomes where they can be searched."""


OUTCOMES_AT_ONCE: Final = 2_000
"""Outcomes that are stored in one transaction, as far as their messages allow."""


class Inbox:
    """Stores events by the batch; a repeat changes nothing, nor does a word under an old fence."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def take(self, *said: Event) -> None:
        """Store these events and let each have its effect, in their order.

        When it fails, what comes again may be stored already, and changes nothing then.
        """
        # What the centre itself says was stored when it was said.
        of_agents = [event for event in said if not isinstance(event, StatusChanged)]
        for some in portions(of_agents):
            await self._take({event.id: event for event in some})

    async def _take(self, of_agents: dict[UUID, Event]) -> None:
        now = self._clock.now()
        async with self._database.write() as db:
            # First: a batch that comes again to another controller waits here, and then finds its events stored.
            before = await runs.these(db, {event.origin.run for event in of_agents.values()})
            told = [id_ for id_, event in of_agents.items() if isinstance(event, Outcomes)]
            for known in {*await events.known(db, of_agents), *await records.known(db, told)}:
                del of_agents[known]
            await _take_in(db, list(of_agents.values()), before, now)


def portions(said: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """As many as may go into one transaction: one message may hold many outcomes, and others want to write too."""
    some: list[Event] = []
    size = 0
    for event in said:
        size += len(event.outcomes) if isinstance(event, Outcomes) else 0
        some.append(event)
        if size >= OUTCOMES_AT_ONCE:
            yield some
            some, size = [], 0
    if some:
        yield some


async def _take_in(
    db: AsyncConnection, fresh: Sequence[Event], before: Mapping[str, Run], now: datetime
) -> None:
    runs_now = dict(before)
    heard: list[Event] = []
    late: list[Event] = []
    for event in fresh:
        run = runs_now.get(event.origin.run)
        if run is None or not _counts(run, event):
            late.append(event)
            continue
        heard.append(event)
        runs_now[run.id] = _after(run, event, now)
    for (run_id, fence), many in Counter((event.origin.run, event.origin.fence) for event in late).items():
        log.warning("events_superseded", run=run_id, fence=fence, events=many)
    await events.add(db, [event for event in heard if not isinstance(event, _UNSTORED)], superseded=False)
    await events.add(db, [event for event in late if not isinstance(event, _UNSTORED)], superseded=True)
    await records.add(db, [event for event in fresh if _told_of(event, runs_now.get(event.origin.run))])
    await runs.keep(db, ((before[id_], run) for id_, run in runs_now.items()))
    last_words = [(runs_now[event.origin.run], event) for event in heard if isinstance(event, Finished)]
    await _end(db, [(run, event) for run, event in last_words if run.status is not RunStatus.RUNNING], now)
    await runlog.note_stages(db, heard)
    await recorder.record(db, [event for event in heard if runs_now[event.origin.run].whole], now)


def _counts(run: Run, event: Event) -> bool:
    """Whether this is said of the present attempt, by its agent; the end of an attempt that is over comes too late."""
    origin = event.origin
    said_of = (origin.tenant, origin.integration, origin.agent, origin.fence)
    if said_of != (run.tenant, run.integration, run.agent, run.fence):
        return False
    return not isinstance(event, Finished) or run.status is RunStatus.RUNNING


def _told_of(event: Event, run: Run | None) -> TypeGuard[Outcomes]:
    """Whether these are outcomes of this run; what an older attempt wrote is written, whoever goes on."""
    if run is None or not isinstance(event, Outcomes):
        return False
    return (event.origin.tenant, event.origin.integration) == (run.tenant, run.integration)


def _after(run: Run, event: Event, now: datetime) -> Run:
    """The run once this was said of it; the same object when nothing changed."""
    match event:
        case Progress():
            return _progressed(run, event)
        case Finished():
            return _finished(run, event, now)
        case _ if run.unheld_since:
            return run.model_copy(update={"unheld_since": None})
        case _:
            return run


def _progressed(run: Run, event: Progress) -> Run:
    overtaken = run.progress is not None and event.seq < run.progress.seq
    if run.status is not RunStatus.RUNNING or overtaken:
        return run
    progress = RunProgress(seq=event.seq, stage=event.stage, done=event.done, total=event.total)
    return run.model_copy(update={"progress": progress, "counts": event.counts, "unheld_since": None})


def _finished(run: Run, event: Finished, now: datetime) -> Run:
    if event.failure and event.failure.code == LeaseLost.__name__:
        # The attempt is over and the run is not: what follows from a lease that ran out is for the reconciler.
        return run.model_copy(update={"lease_until": now - timedelta(microseconds=1)})
    # A plan that is held wrote nothing: whoever asked for the end of its run has it now.
    unwanted = event.status is RunStatus.HELD and run.cancel_reason is not None
    happening = Happening.CANCELLED if unwanted else _ENDS[event.status]
    status = TRANSITIONS[run.status, happening]
    return run.model_copy(
        update={
            "status": status,
            "ended_at": now if status.ended else None,
            "lease_until": None,
            "counts": event.counts,
            "requests": run.requests + event.requests,
            "failure": event.failure,
            "held_for": () if unwanted else event.held_for,
            "planned": event.planned,
        }
    )


async def _end(db: AsyncConnection, ended: Sequence[tuple[Run, Finished]], now: datetime) -> None:
    """End the attempts at these runs, each by its last word."""
    if not ended:
        return
    await integrations.hold(db, *(run.ref for run, _ in ended))
    await runs.end_attempts(db, ((run, run.status) for run, _ in ended), now)
    read = ((run.ref, run.fence, event.cursors) for run, event in ended if _says_where_to_start(run, event))
    await integrations.read_up_to(db, read)
    went_through = {run.ref for run, _ in ended if run.whole and run.status.went_through}
    await integrations.succeeded(db, went_through, now)
    kept = ((run.ref, event.escrowed) for run, event in ended if event.escrowed is not None)
    await integrations.escrowed(db, kept)
    await follow(db, (run for run, _ in ended), now)
    for run, event in ended:
        if run.status is not event.status:  # the agent said that it is held
            await tell(db, run, f"Cancelled: {run.cancel_reason}.", now)
        log.info(
            "run_ended" if run.status.ended else "run_held", run=run.id, status=run.status, ref=str(run.ref)
        )


def _says_where_to_start(run: Run, event: Finished) -> bool:
    """Whether the next run starts where this one ended; a partial one only if its agent keeps what failed."""
    partial = run.status is RunStatus.PARTIAL and bool(event.cursors)
    return run.whole and (run.status is RunStatus.SUCCEEDED or partial)
