"""What is to become of a planned moment that has come: pure, and each answer has its reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice, takewhile
from math import ceil
from typing import Final
from zoneinfo import ZoneInfo

from halo_controller.hosting.times import Hosted
from halo_controller.nouns import Integration, Run, Tenant
from halo_controller.scheduling.nouns import STEADY, Fate, Planned, Standing, reads_more
from halo_controller.scheduling.occurrences import Occurrence, offset_of, upcoming
from halo_shared.hours import Hours
from halo_shared.identifiers import IntegrationRef
from halo_shared.runs import Mode
from halo_shared.schedules import CatchUp, Overlap, Schedule, Timing

LATE: Final = timedelta(minutes=1)
"""A start that comes later than this was missed: the centre was away, or very busy."""
MOST_MISSED: Final = 1_000
"""Moments of one series that are looked through at once after an absence; the rest has its turn a tick later."""
MOST_CLOSINGS: Final = 400
"""Windows and blackouts, one after the other, that are looked through for a free moment."""


@dataclass(frozen=True, slots=True)
class Open:
    """Run it now."""

    reason: str


@dataclass(frozen=True, slots=True)
class LetPass:
    """Do not run it, and go on to the next moment."""

    fate: Fate
    reason: str
    until: datetime
    """The last moment that passes with it."""
    times: int = 1
    again: datetime | None = None
    """When the same start is tried again, where that is not the next moment of its series."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again in a moment."""

    reason: str
    replacing: bool = False
    """Whether what it waits for is to be cancelled."""


@dataclass(frozen=True, slots=True)
class PlanAnew:
    """It ran meanwhile for another reason, so this moment is no longer the next."""

    at: datetime


Verdict = Open | LetPass | Wait | PlanAnew


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the decision needs to know."""

    integration: Integration
    tenant: Tenant
    now: datetime
    open_run: Run | None = None
    standing: Standing = field(default=STEADY)
    hosted: Hosted | None = None
    """The times that its host gives it; None for one that has its own."""

    @property
    def schedule(self) -> Schedule | None:
        """When it runs by itself."""
        return self.hosted.schedule if self.hosted else self.integration.spec.schedule

    @property
    def zone(self) -> ZoneInfo:
        """The tenant's."""
        return ZoneInfo(self.tenant.spec.zone)

    def timing(self, mode: Mode) -> Timing | None:
        """The series of this mode, as the definition has it now."""
        return dict(self.schedule.cycles).get(mode) if self.schedule else None


def decide(planned: Planned, situation: Situation) -> Verdict:
    """What is to become of this moment, which has come."""
    timing, schedule, now = situation.timing(planned.mode), situation.schedule, situation.now
    if timing is None or schedule is None:
        return LetPass(Fate.SKIPPED, "its schedule was changed", planned.at)
    if next_at := _pushed_back(planned, timing, situation):
        return PlanAnew(next_at)
    if now - planned.at > LATE and (missed := _missed(planned, timing, situation)):
        return missed
    # A clock's moment was not to run where its own hour is forbidden; an interval's runs as soon as it may.
    at_its_hour = None if timing.every is not None else hindrance(planned.at, timing, situation)
    if why := at_its_hour or hindrance(now, timing, situation):
        return LetPass(Fate.SKIPPED, why, planned.at, again=freed(now, timing, situation))
    if situation.open_run is not None:
        return _overlapping(planned, schedule, situation.open_run, situation)
    return Open(_reason(planned, timing, situation))


def moments(situation: Situation, planned: Sequence[Planned]) -> Sequence[Planned]:
    """The next moment of each series: as planned, or as it would be planned now."""
    integration = situation.integration
    as_planned = integration.enabled and integration.planned and planned
    return planned if as_planned else beginnings(situation, planned)


def series(situation: Situation, planned: Sequence[Planned]) -> Sequence[tuple[Planned, Timing]]:
    """The next moment of each series with its timing."""
    found = ((one, situation.timing(one.mode)) for one in moments(situation, planned))
    return [(one, timing) for one, timing in found if timing]


def retried_at(situation: Situation) -> datetime | None:
    """When it is tried again since a run failed; None where it is not, or will be let pass."""
    at, schedule = situation.standing.retry_at, situation.schedule
    why_not = at and (hindrance(at, schedule, situation) if schedule else barred(situation))
    return None if why_not else at


def barred(situation: Situation) -> str | None:
    """Why nothing starts by itself, whenever that be; None when it may."""
    if situation.integration.spec.group is None:
        return "it is assigned to no group of agents"
    pause = situation.standing.pause
    return f"it is paused: {pause.reason}" if pause else None


def hindrance(at: datetime, timing: Timing, situation: Situation) -> str | None:
    """Why nothing may start by itself at this moment; None when it may."""
    standing = situation.standing
    if why_not := barred(situation):
        return why_not
    if standing.not_before and at < standing.not_before:
        return (
            f"it is slowed down after {standing.failures} failed runs; "
            f"it is tried again at {standing.not_before:%Y-%m-%d %H:%M} UTC"
        )
    return _out_of_hours(at, timing, situation)


def freed(moment: datetime, timing: Timing, situation: Situation) -> datetime | None:
    """When an interval's start may come that the hours forbid at this moment; None when they do not.

    A clock's start passes, for the next comes at another hour. An interval of a day would be met by the same hours for ever.
    """
    free = moment
    for _ in range(MOST_CLOSINGS if timing.every is not None else 0):
        end = _closed_until(free, timing, situation)
        if end is None:
            return free if free != moment else None
        free = end
    return None


def first_free(first: Planned, timing: Timing, situation: Situation) -> datetime | None:
    """The first moment of a series, from this one on, at which it may start; None where none comes."""
    moment = first.at
    for _ in range(MOST_CLOSINGS):
        not_before = situation.standing.not_before
        slow = not_before if not_before and moment < not_before else None
        until = slow or _closed_until(moment, timing, situation)
        if until is None:
            return None if hindrance(moment, timing, situation) else moment
        if timing.every is None:
            later = next_after(until - timedelta.resolution, timing, situation)
            if later is None:
                return None
            moment = later.at
        else:
            moment = moment + ceil((until - moment) / timing.every) * timing.every if slow else until
    return None


def _closed_until(moment: datetime, timing: Timing, situation: Situation) -> datetime | None:
    zone, window = _hours(timing, situation)
    if window and window.end_of(moment, zone) is None:
        return window.next_begin(moment, zone)
    ends = (blackout.end_of(moment, situation.zone) for blackout in situation.tenant.spec.blackouts)
    return next((end for end in ends if end), None)


def _hours(timing: Timing, situation: Situation) -> tuple[ZoneInfo, Hours | None]:
    zone = ZoneInfo(timing.zone) if timing.zone else situation.zone
    return zone, situation.schedule.window if situation.schedule else None


def _out_of_hours(at: datetime, timing: Timing, situation: Situation) -> str | None:
    zone, window = _hours(timing, situation)
    if window and window.end_of(at, zone) is None:
        return f"it may start from {window} only ({zone.key})"
    for blackout in situation.tenant.spec.blackouts:
        if blackout.end_of(at, situation.zone):
            return f"nothing starts for {situation.tenant.spec.name} then: {blackout.name}"
    return None


def _pushed_back(planned: Planned, timing: Timing, situation: Situation) -> datetime | None:
    """An interval counts from the latest run, whoever asked for it."""
    last = situation.integration.last_opened_at
    if timing.every is None or planned.mode is not Mode.DELTA or last is None:
        return None
    next_at = last + timing.every
    return next_at if next_at > situation.now else None


def _missed(planned: Planned, timing: Timing, situation: Situation) -> LetPass | None:
    """Moments that nobody was there for, as far as they are not caught up with."""
    schedule, now = situation.schedule, situation.now
    if schedule is None or planned.waiting:
        return None  # it is late because it was made to wait
    passed = _passed(planned, timing, situation)
    if schedule.catch_up is CatchUp.NONE:
        gone = [moment for moment in passed if now - moment > LATE]
    elif schedule.catch_up is CatchUp.LATEST or timing.every is not None:  # which counts from the latest run
        latest = _latest_that_might(passed, timing, situation)
        gone = [moment for moment in passed if moment < latest]
    else:
        gone = [moment for moment in passed if now - moment > schedule.catch_up_within]
    if not gone:
        return None
    return LetPass(Fate.MISSED, "the controller was not at work then", until=gone[-1], times=len(gone))


def _latest_that_might(passed: Sequence[datetime], timing: Timing, situation: Situation) -> datetime:
    """The latest of these moments whose own hour allowed it; an interval has no hours of its own."""
    if timing.every is not None:
        return passed[-1]
    return next((one for one in reversed(passed) if not hindrance(one, timing, situation)), passed[-1])


def overtaken(planned: Planned, timing: Timing, situation: Situation) -> Sequence[datetime]:
    """The moments of a clock's series that came while this one waited: one at the most waits.

    What is caught up with one after the other was there before the run that it waits for, and is not among them.
    """
    if not planned.waiting or timing.every is not None:
        return ()
    later = _passed(planned, timing, situation)[1:]
    opened_at, schedule = situation.integration.last_opened_at, situation.schedule
    catching_up = schedule is not None and schedule.catch_up is CatchUp.ALL
    return () if catching_up and later and opened_at and later[0] <= opened_at else later


def _passed(planned: Planned, timing: Timing, situation: Situation) -> Sequence[datetime]:
    """This moment and all behind it that have come as well."""
    later = upcoming(timing, planned.ref, planned.at, situation.zone)
    have_come = takewhile(lambda one: one.at <= situation.now, later)
    return [planned.at, *(one.at for one in islice(have_come, MOST_MISSED))]


def _overlapping(planned: Planned, schedule: Schedule, run: Run, situation: Situation) -> Verdict:
    still = f"run {run.id} is still {run.status}"
    replaces = schedule.overlap is Overlap.REPLACE and run.whole and not reads_more(run.mode, planned.mode)
    catching_up = schedule.catch_up is CatchUp.ALL and situation.now - planned.at > LATE
    # What comes once a week does not pass for what comes every minute, nor anything for a run that only explains.
    passes = run.whole and not reads_more(planned.mode, run.mode) and not catching_up
    if passes and not replaces and schedule.overlap is not Overlap.QUEUE:
        return LetPass(Fate.SKIPPED, still, planned.at)
    return Wait(still, replacing=replaces and run.cancel_reason is None)


def purpose(mode: Mode, timing: Timing, situation: Situation) -> str:
    """What a start of this series is for, in words."""
    if situation.hosted and mode is Mode.DELTA:
        return situation.hosted.because
    if situation.integration.last_opened_at is None:
        return "it is scheduled and has never run"
    if mode is Mode.FULL:
        return f"everything is read {timing}"
    if mode is Mode.RECONCILE:
        return f"everything is compared with Halo {timing}"
    return f"it runs {timing}"


def _reason(planned: Planned, timing: Timing, situation: Situation) -> str:
    said = purpose(planned.mode, timing, situation)
    if situation.now - planned.at <= LATE:
        return said
    how = "waiting since" if planned.waiting else "caught up from"
    return f"{said}, {how} {planned.at:%Y-%m-%d %H:%M} UTC"


def next_after(moment: datetime, timing: Timing, situation: Situation) -> Occurrence | None:
    """The moment of this series that follows; None when the series has ended."""
    return next(upcoming(timing, situation.integration.ref, moment, situation.zone), None)


def beginnings(situation: Situation, before: Sequence[Planned] = ()) -> Sequence[Planned]:
    """The moments that its series begin with, when its definition is new or it was enabled.

    `before` is what was planned until then.
    """
    cycles = situation.schedule.cycles if situation.schedule else ()
    until_now = {one.mode: one.at for one in before}
    firsts = ((mode, _first(mode, timing, situation, until_now.get(mode))) for mode, timing in cycles)
    return [planned_at(situation.integration.ref, mode, first) for mode, first in firsts if first]


def _first(mode: Mode, timing: Timing, situation: Situation, before: datetime | None) -> Occurrence | None:
    now, integration = situation.now, situation.integration
    if timing.every is None:
        return next_after(now, timing, situation)
    if mode is not Mode.DELTA:
        # Its runs are fewer than all, so the latest run says nothing: it comes when it would have come.
        return Occurrence(max(now, min(before or now + timing.every, now + timing.every)))
    if integration.last_opened_at is not None:
        return Occurrence(max(now, integration.last_opened_at + timing.every))
    return Occurrence(now + offset_of(integration.ref, timing.spread))


def planned_at(ref: IntegrationRef, mode: Mode, occurrence: Occurrence) -> Planned:
    """This is the next moment of the series."""
    return Planned(
        tenant=ref.tenant,
        integration=ref.name,
        mode=mode,
        at=occurrence.at,
        clocks_change=occurrence.clocks_change,
    )
