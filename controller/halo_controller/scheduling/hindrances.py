"""Why nothing may start at a moment, and when it may: pure."""

from datetime import datetime, timedelta
from math import ceil
from typing import Final
from zoneinfo import ZoneInfo

from halo_controller.scheduling.nouns import Planned
from halo_controller.scheduling.planning import next_after
from halo_controller.scheduling.situation import Situation
from halo_shared.hours import Hours
from halo_shared.schedules import Timing

MOST_CLOSINGS: Final = 400
"""Windows and blackouts, one after the other, that are looked through for a free moment."""


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


def hindrance_to_retry(at: datetime, situation: Situation) -> str | None:
    """Why it may not be tried again at this moment; None when it may. A retry needs no schedule, but keeps to one."""
    return hindrance(at, situation.schedule, situation) if situation.schedule else barred(situation)


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


def retried_at(situation: Situation) -> datetime | None:
    """When it is tried again since a run failed; None where it is not, or will be let pass."""
    at = situation.standing.retry_at
    return None if at is None or hindrance_to_retry(at, situation) else at


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
