"""The loop that opens runs by themselves: what is due is decided in `scheduling`, and done here."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.dispatcher import Opening, open_runs
from halo_controller.errors import Conflict
from halo_controller.nouns import Run, Trigger
from halo_controller.scheduling import standing
from halo_controller.scheduling.hindrances import hindrance_to_retry
from halo_controller.scheduling.nouns import Fate, Past, Planned
from halo_controller.scheduling.occurrences import Occurrence
from halo_controller.scheduling.planning import beginnings, planned_at
from halo_controller.scheduling.reading import situations
from halo_controller.scheduling.settling import Settled, Start, past_of
from halo_controller.scheduling.situation import Situation
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
    before: defaultdict[IntegrationRef, list[Planned]] = defaultdict(list)
    for planned in await schedules.of(db, *known):
        before[planned.ref].append(planned)
    anew = [one for ref, situation in known.items() for one in beginnings(situation, before[ref])]
    await schedules.drop(db, *known)
    await schedules.put(db, *anew)
    await integrations.planned(db, known)


async def _settle(db: AsyncConnection, due: Sequence[Planned], now: datetime) -> None:
    """Decide inside the transaction, for another may have been quicker; no two of these are of one integration."""
    known = await situations(db, {planned.ref for planned in due}, now)
    still = await schedules.of(db, *known)
    settled = Settled()
    for planned in due:
        if planned in still:
            settled.add(planned, known[planned.ref])
    for run in settled.replaced:
        await cancel(db, run, "its schedule starts the next one", now)
    for past in settled.passed:
        log.info("start_let_pass", ref=str(past.ref), mode=past.mode, why=past.reason)
    wanted = [
        Opening(start.situation.integration, Trigger.SCHEDULE, start.reason, start.planned.mode)
        for start in settled.starts
    ]
    opened = await open_runs(db, wanted, now)
    started = [_started(*each) for each in zip(settled.starts, opened, strict=True)]
    await schedules.record(db, *settled.passed, *started)
    await schedules.record(db, *settled.overtaken)  # behind the moments that overtook them
    await schedules.put(db, *settled.upcoming)
    await schedules.end(db, *settled.over)


async def _retry(db: AsyncConnection, refs: Sequence[IntegrationRef], now: datetime) -> None:
    known = {
        ref: situation
        for ref, situation in (await situations(db, refs, now)).items()
        if situation.standing.retry_at and situation.standing.retry_at <= now
    }
    await standings.save_all(db, {ref: standing.retry_spent(one.standing) for ref, one in known.items()})
    hindered = {ref: hindrance_to_retry(situation.now, situation) for ref, situation in known.items()}
    free = [situation for ref, situation in known.items() if not hindered[ref]]
    wanted = [
        Opening(one.integration, Trigger.RETRY, _reason_to_retry(one), one.standing.retry_mode)
        for one in free
    ]
    for situation, opened in zip(free, await open_runs(db, wanted, now), strict=True):
        if isinstance(opened, Conflict):  # a run is open, or a person was quicker
            hindered[situation.integration.ref] = opened.message
    await schedules.record(db, *(_not_retried(known[ref], why) for ref, why in hindered.items() if why))


def _reason_to_retry(situation: Situation) -> str:
    before = situation.standing
    return f"retry {before.retries + 1}, since the run before failed: {before.why}"


def _not_retried(situation: Situation, why: str) -> Past:
    ref, before = situation.integration.ref, situation.standing
    log.info("retry_let_pass", ref=str(ref), why=why)
    moment = planned_at(ref, before.retry_mode or Mode.DELTA, Occurrence(before.retry_at or situation.now))
    reason = f"{_reason_to_retry(situation)} It was let pass: {why}"
    return past_of(moment, Fate.SKIPPED, reason, moment.at)


def _started(start: Start, opened: Run | Conflict) -> Past:
    if isinstance(opened, Conflict):  # a person was quicker
        return past_of(start.planned, Fate.SKIPPED, opened.message, start.planned.at)
    past = past_of(start.planned, Fate.OPENED, start.reason, start.planned.at)
    return past.model_copy(update={"run": opened.id})
