"""What is to come, as things stand now: pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from halo_controller.scheduling.due import purpose
from halo_controller.scheduling.hindrances import barred, first_free, freed, hindrance, retried_at
from halo_controller.scheduling.nouns import THOROUGH, Next, Planned, Preview
from halo_controller.scheduling.occurrences import Occurrence, upcoming
from halo_controller.scheduling.planning import moments, series
from halo_controller.scheduling.situation import Situation
from halo_shared.runs import Mode
from halo_shared.schedules import Overlap, Timing


def next_start(situation: Situation, planned: Sequence[Planned]) -> Next:
    """Whether it starts next by itself, and why, or why not. `planned` are the next moments of its series."""
    run = situation.open_run
    if not situation.integration.enabled:
        return Next(due=False, reason="it is disabled")
    if run is None and (again := retried_at(situation)):
        return _at(again, "it is tried again, since a run failed", situation)
    if situation.schedule is None:
        return Next(due=False, reason="it has no schedule and runs only when somebody asks for it")
    if why_not := barred(situation):
        return Next(due=False, reason=why_not)
    if run is not None:
        return Next(due=False, reason=f"run {run.id} is still {run.status}")
    following = series(situation, planned)
    if not following:
        return Next(due=False, reason="its schedule has no further moment")
    starts = [
        (at, THOROUGH.index(one.mode), purpose(one.mode, timing, situation))
        for one, timing in following
        if (at := first_free(one, timing, situation))
    ]
    if not starts:
        one, timing = min(following, key=lambda each: each[0].at)
        return Next(due=False, reason=f"all its moments are let pass: {hindrance(one.at, timing, situation)}")
    at, _, reason = min(starts)
    return _at(at, reason, situation)


def _at(at: datetime, reason: str, situation: Situation) -> Next:
    if at <= situation.now:
        return Next(due=True, reason=reason)
    return Next(due=False, reason=f"{reason}, next at {at:%Y-%m-%d %H:%M:%S} UTC", at=at)


def coming(situation: Situation, planned: Sequence[Planned]) -> Iterator[Preview]:
    """Every moment of all series, in their order, and whether it will run. `planned` is the next of each series."""
    ref, now, zone = situation.integration.ref, situation.now, situation.zone
    cycles = dict(situation.schedule.cycles) if situation.schedule else {}
    heads = {
        one.mode: Occurrence(one.at, one.clocks_change)
        for one in moments(situation, planned)
        if one.mode in cycles
    }
    later = {mode: upcoming(cycles[mode], ref, max(head.at, now), zone) for mode, head in heads.items()}
    started_at: datetime | None = None
    while heads:
        mode = min(heads, key=lambda one: (heads[one].at, THOROUGH.index(one)))
        one, timing = heads.pop(mode), cycles[mode]
        preview = _previewed(mode, one, timing, situation, beside=one.at == started_at)
        yield preview
        if preview.will_run:
            started_at = one.at
            _push_back(heads, max(one.at, now), cycles[Mode.DELTA])
        following = next(later[mode], None) if timing.every is None else _interval(one.at, timing, situation)
        if following:
            heads[mode] = following


def _previewed(mode: Mode, one: Occurrence, timing: Timing, situation: Situation, *, beside: bool) -> Preview:
    """`beside` says that a more thorough run starts at the same moment."""
    waits = beside and situation.schedule is not None and situation.schedule.overlap is Overlap.QUEUE
    why_not = hindrance(one.at, timing, situation)
    if not situation.integration.enabled:
        why_not = "it is disabled"
    elif beside and not waits:
        why_not = why_not or "a run that reads more starts then"
    remarks = [why_not] if why_not else ["it waits for the run that starts then"] if waits else []
    if one.clocks_change:
        remarks.append("the clocks change on that day")
    return Preview(mode=mode, at=one.at, will_run=why_not is None, remarks=tuple(remarks))


def _push_back(heads: dict[Mode, Occurrence], opened_at: datetime, delta: Timing) -> None:
    """An interval counts from the latest run, whatever that reads."""
    if delta.every is not None and Mode.DELTA in heads:
        heads[Mode.DELTA] = Occurrence(max(heads[Mode.DELTA].at, opened_at + delta.every))


def _interval(moment: datetime, timing: Timing, situation: Situation) -> Occurrence | None:
    """An interval that the hours forbid comes when they end, and counts from there."""
    if timing.every is None:
        return None
    return Occurrence(freed(moment, timing, situation) or max(moment, situation.now) + timing.every)
