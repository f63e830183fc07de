"""The loop that opens runs by themselves: what is due is decided in `scheduling`, and done here."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Final, TypeVar, assert_never

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.dispatcher import Opening, open_runs
from halo_controller.errors import Conflict
from halo_controller.nouns import Run, Trigger
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
from halo_controller.scheduling.reading import situations
from halo_controller.steering import cancel
from halo_controller.store import integrations, schedules, standings
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
        async with self._database.read() as db:
            unplanned = await integrations.unplanned(db)
        for refs in portions(unplanned):
            async with self._database.write() as db:
                await _plan(db, refs, self._clock.now())
        now = self._clock.now()
        async with self._database.read() as db:
            due = await schedules.due(db, now)
            retries = await standings.retries(db, now)
        # What becomes of an integration's first start bears on its next, which is of another mode.
        for _, alike in groupby(due, attrgetter("mode")):
            for some in portions(list(alike)):
                async with self._database.write() as db:
                    await _settle(db, some, self._clock.now())
                self._wake_publisher()
        for refs in portions(retries):
            async with self._database.write() as db:
                await _retry(db, refs, self._clock.now())
            self._wake_publisher()


def portions(many: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many at a time as go into one transaction."""
    for start in range(0, len(many), AT_ONCE):
        yield many[start : start + AT_ONCE]


async def _plan(db: AsyncConnection, refs: Sequence[IntegrationRef], now: datetime) -> None:
    """Work out the next moment of each series of these anew."""
    known = await situations(db, refs, now)
    await schedules.drop(db, *known)
    await schedules.put(db, *(planned for situation in known.values() for planned in beginnings(situation)))
    await integrations.planned(db, known)


async def _settle(db: AsyncConnection, due: Sequence[Planned], now: datetime) -> None:
    """Decide inside the transaction, for another may have been quicker; no two of these are of one integration."""
    known = await situations(db, {planned.ref for planned in due}, now)
    still = await schedules.of(db, *known)
    starts: list[tuple[Planned, Situation, str]] = []
    for planned in due:
        if planned not in still:
            continue
        situation = known[planned.ref]
        match verdict := decide(planned, situation):
            case Open(reason):
                starts.append((planned, situation, reason))
            case LetPass():
                await _let_pass(db, planned, situation, verdict)
            case Wait():
                await _wait(db, planned, situation, verdict)
            case PlanAnew(at):
                await schedules.put(db, planned.model_copy(update={"at": at}))
            case _:
                assert_never(verdict)
    await _open(db, starts, now)


async def _open(db: AsyncConnection, starts: Sequence[tuple[Planned, Situation, str]], now: datetime) -> None:
    wanted = [
        Opening(situation.integration, Trigger.SCHEDULE, reason, planned.mode)
        for planned, situation, reason in starts
    ]
    opened = await open_runs(db, wanted, now)
    passed = [
        _opened_at(planned, reason, run) for (planned, _, reason), run in zip(starts, opened, strict=True)
    ]
    await schedules.record(db, *passed)
    await _go_on(
        db,
        *(
            (planned, _following(planned, situation, after=now if planned.waiting else planned.at))
            for planned, situation, _ in starts
        ),
    )


async def _let_pass(db: AsyncConnection, planned: Planned, situation: Situation, verdict: LetPass) -> None:
    log.info("start_let_pass", ref=str(planned.ref), mode=planned.mode, why=verdict.reason)
    await schedules.record(db, _past(planned, verdict.fate, verdict.reason, verdict.until, verdict.times))
    if verdict.again:
        await schedules.put(db, planned.model_copy(update={"at": verdict.again}))
    else:
        missed = verdict.fate is Fate.MISSED
        await _go_on(db, (planned, _following(planned, situation, after=verdict.until, missed=missed)))


async def _wait(db: AsyncConnection, planned: Planned, situation: Situation, verdict: Wait) -> None:
    if not planned.waiting:
        await schedules.put(db, planned.model_copy(update={"waiting": True}))
    if verdict.replacing and situation.open_run:
        await cancel(db, situation.open_run, "its schedule starts the next one", situation.now)


async def _go_on(db: AsyncConnection, *following: tuple[Planned, Occurrence | None]) -> None:
    """Let the series of each of these moments go on to its next, or end."""
    await schedules.put(
        db, *(planned_at(one.ref, one.mode, upcoming) for one, upcoming in following if upcoming)
    )
    await schedules.end(db, *((one.ref, one.mode) for one, upcoming in following if upcoming is None))


def _following(
    planned: Planned, situation: Situation, *, after: datetime, missed: bool = False
) -> Occurrence | None:
    timing = situation.timing(planned.mode)
    # An interval counts from when it ran; a clock's time does not move, nor does a moment to catch up with.
    since = situation.now if timing and timing.every and not missed else after
    return next_after(since, timing, situation) if timing else None


async def _retry(db: AsyncConnection, refs: Sequence[IntegrationRef], now: datetime) -> None:
    known = {
        ref: situation
        for ref, situation in (await situations(db, refs, now)).items()
        if situation.standing.retry_at and situation.standing.retry_at <= now
    }
    await standings.save_all(db, {ref: standing.retry_spent(one.standing) for ref, one in known.items()})
    hindered = {ref: _hindrance_now(situation) for ref, situation in known.items()}
    free = [situation for ref, situation in known.items() if not hindered[ref]]
    wanted = [
        Opening(one.integration, Trigger.RETRY, _reason_to_retry(one), one.standing.retry_mode)
        for one in free
    ]
    for situation, opened in zip(free, await open_runs(db, wanted, now), strict=True):
        if isinstance(opened, Conflict):  # a run is open, or a person was quicker
            hindered[situation.integration.ref] = opened.message
    await schedules.record(db, *(_not_retried(known[ref], why) for ref, why in hindered.items() if why))


def _hindrance_now(situation: Situation) -> str | None:
    return hindrance(situation.now, situation.schedule, situation) if situation.schedule else None


def _reason_to_retry(situation: Situation) -> str:
    before = situation.standing
    return f"retry {before.retries + 1}, since the run before failed: {before.why}"


def _not_retried(situation: Situation, why: str) -> Past:
    ref, before = situation.integration.ref, situation.standing
    log.info("retry_let_pass", ref=str(ref), why=why)
    moment = planned_at(ref, before.retry_mode or Mode.DELTA, Occurrence(before.retry_at or situation.now))
    reason = f"{_reason_to_retry(situation)} It was let pass: {why}"
    return _past(moment, Fate.SKIPPED, reason, moment.at)


def _opened_at(planned: Planned, reason: str, opened: Run | Conflict) -> Past:
    if isinstance(opened, Conflict):  # a person was quicker
        return _past(planned, Fate.SKIPPED, opened.message, planned.at)
    return _past(planned, Fate.OPENED, reason, planned.at).model_copy(update={"run": opened.id})


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
