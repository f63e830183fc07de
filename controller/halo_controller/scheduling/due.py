"""What is to become of a planned moment that has come: pure, and each answer has its reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Final

from halo_controller.nouns import Run
from halo_controller.scheduling.hindrances import freed, hindrance
from halo_controller.scheduling.nouns import Fate, Planned, reads_more
from halo_controller.scheduling.occurrences import upcoming
from halo_controller.scheduling.situation import Situation
from halo_shared.runs import Mode
from halo_shared.schedules import CatchUp, Overlap, Schedule, Timing

LATE: Final = timedelta(minutes=1)
"""A start that comes later than this was missed: the centre was away, or very busy."""
MOST_MISSED: Final = 1_000
"""Moments of one series that are looked through at once after an absence; the rest has its turn a tick later."""


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
