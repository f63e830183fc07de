"""The loop that opens runs by themselves: what is due is decided in `scheduling`, and done here."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, TypeVar, assert_never

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.dispatcher import open_run
from halo_controller.errors import Conflict
from halo_controller.hosting.reading import times_of
from halo_controller.nouns import Trigger
from halo_controller.scheduling import standing
from halo_controller.scheduling.due import (
    LetPass,
    Open,
    PlanAnew,
    Situation,
    Wait,
    beginnings,
    decide,
    hindrance,
    next_after,
    planned_at,
)
from halo_controller.scheduling.nouns import Fate, Past, Planned
from halo_controller.scheduling.occurrences import Occurrence
from halo_controller.steering import cancel
from halo_controller.store import integrations, runs, schedules, standings, tenants
from halo_controller.store.database import Database
from halo_controller.ticking import tick_for_ever
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.identifiers import IntegrationRef
from halo_shared.runs import Mode

log = logs.get(__name__)

T = TypeVar("T")

TICK: Final = 1.0
AT_ONCE: Final = 50
"""Integrations that are dealt with in one transaction: a commit is dear, and others want to write too."""


class Scheduler:
    """Looks every second at what is due; of what is not, it knows when it will be."""

    def __init__(self, database: Database, wake_publisher: Callable[[], None], clock: Clock) -> None:
        self._database = database
        self._wake_publisher = wake_publisher
        self._clock = clock

    async def run(self) -> None:
        """Schedule for ever."""
        await tick_for_ever("scheduler", self.tick, TICK, self._clock)

    async def tick(self) -> None:
        """Plan what is new, let what is due have its fate, and retry what is to be retried."""
        now = self._clock.now()
        async with self._database.read() as db:
            unplanned = await integrations.unplanned(db)
        for refs in portions(unplanned):
            async with self._database.write() as db:
                for ref in refs:
                    await _plan(db, await situation_of(db, ref, now))
        async with self._database.read() as db:
            due = await schedules.due(db, now)
            retries = await standings.retries(db, now)
        for some in portions(due):
            async with self._database.write() as db:
                for planned in some:
                    await _settle(db, planned, now)
            self._wake_publisher()
        for refs in portions(retries):
            async with self._database.write() as db:
                for ref in refs:
                    await _retry(db, ref, now)
            self._wake_publisher()


def portions(many: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many at a time as go into one transaction."""
    for start in range(0, len(many), AT_ONCE):
        yield many[start : start + AT_ONCE]


async def situation_of(db: AsyncConnection, ref: IntegrationRef, now: datetime) -> Situation:
    """All that is known of an integration and bears on whether it runs."""
    integration, tenant = await integrations.get(db, ref), await tenants.get(db, ref.tenant)
    open_run, standing = await runs.open_of(db, ref), await standings.of(db, ref)
    hosted = await times_of(db, integration, tenant)
    return Situation(integration, tenant, now, open_run, standing, hosted)


async def _plan(db: AsyncConnection, situation: Situation) -> None:
    """Work out the next moment of each series anew."""
    ref = situation.integration.ref
    await schedules.drop(db, ref)
    for planned in beginnings(situation):
        await schedules.put(db, planned)
    await integrations.planned(db, ref)


async def _settle(db: AsyncConnection, planned: Planned, now: datetime) -> None:
    """Decide inside the transaction: another may have been quicker."""
    if planned not in await schedules.of(db, planned.ref):
        return
    situation = await situation_of(db, planned.ref, now)
    match verdict := decide(planned, situation):
        case Open(reason):
            await _open(db, planned, situation, reason)
        case LetPass():
            await _let_pass(db, planned, situation, verdict)
        case Wait(replacing=replacing):
            if not planned.waiting:
                await schedules.put(db, planned.model_copy(update={"waiting": True}))
            if replacing and situation.open_run:
                await cancel(db, situation.open_run, "its schedule starts the next one", now)
        case PlanAnew(at):
            await schedules.put(db, planned.model_copy(update={"at": at}))
        case _:
            assert_never(verdict)


async def _open(db: AsyncConnection, planned: Planned, situation: Situation, reason: str) -> None:
    now = situation.now
    try:
        run = await open_run(db, planned.ref, Trigger.SCHEDULE, reason, now, mode=planned.mode)
    except Conflict as error:  # a person was quicker
        await schedules.record(db, _past(planned, Fate.SKIPPED, error.message, planned.at))
    else:
        past = _past(planned, Fate.OPENED, reason, planned.at)
        await schedules.record(db, past.model_copy(update={"run": run.id}))
    await _go_on(db, planned, situation, after=now if planned.waiting else planned.at)


async def _let_pass(db: AsyncConnection, planned: Planned, situation: Situation, verdict: LetPass) -> None:
    log.info("start_let_pass", ref=str(planned.ref), mode=planned.mode, why=verdict.reason)
    await schedules.record(db, _past(planned, verdict.fate, verdict.reason, verdict.until, verdict.times))
    if verdict.again:
        await schedules.put(db, planned.model_copy(update={"at": verdict.again}))
    else:
        await _go_on(db, planned, situation, after=verdict.until, missed=verdict.fate is Fate.MISSED)


async def _go_on(
    db: AsyncConnection, planned: Planned, situation: Situation, *, after: datetime, missed: bool = False
) -> None:
    timing = situation.timing(planned.mode)
    # An interval counts from when it ran; a clock's time does not move, nor does a moment to catch up with.
    since = situation.now if timing and timing.every and not missed else after
    occurrence = next_after(since, timing, situation) if timing else None
    if occurrence is None:
        await schedules.drop(db, planned.ref, planned.mode)
    else:
        await schedules.put(db, planned_at(planned.ref, planned.mode, occurrence))


async def _retry(db: AsyncConnection, ref: IntegrationRef, now: datetime) -> None:
    situation = await situation_of(db, ref, now)
    before = situation.standing
    if before.retry_at is None or before.retry_at > now:
        return
    await standings.save(db, ref, standing.retry_spent(before))
    reason = f"retry {before.retries + 1}, since the run before failed: {before.why}"
    why_not = situation.schedule and hindrance(now, situation.schedule, situation)
    if not why_not:
        try:
            await open_run(db, ref, Trigger.RETRY, reason, now, mode=before.retry_mode)
        except Conflict as error:  # a run is open, or a person was quicker
            why_not = error.message
    if why_not:
        log.info("retry_let_pass", ref=str(ref), why=why_not)
        moment = planned_at(ref, before.retry_mode or Mode.DELTA, Occurrence(before.retry_at))
        await schedules.record(
            db, _past(moment, Fate.SKIPPED, f"{reason} It was let pass: {why_not}", moment.at)
        )


def _past(planned: Planned, fate: Fate, reason: str, until: datetime, times: int = 1) -> Past:
    return Past(
        tenant=planned.tenant,
        integration=planned.integration,
        mode=planned.mode,
        at=planned.at,
        until=until,
        times=times,
        fate=fate,
        reason=reason,
    )
