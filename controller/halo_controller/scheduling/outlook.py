"""What is to come, as things stand now: pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from heapq import merge
from itertools import chain

from halo_controller.scheduling.due import Situation, barred, beginnings, freed, hindrance, purpose
from halo_controller.scheduling.nouns import Next, Planned, Preview
from halo_controller.scheduling.occurrences import Occurrence, upcoming
from halo_shared.runs import Mode
from halo_shared.schedules import Timing


def next_start(situation: Situation, planned: Planned | None) -> Next:
    """Whether it starts next by itself, and why, or why not. `planned` is the soonest moment of its series."""
    schedule, run = situation.schedule, situation.open_run
    if not situation.integration.enabled:
        return Next(due=False, reason="it is disabled")
    if schedule is None:
        return Next(due=False, reason="it has no schedule and runs only when somebody asks for it")
    if why_not := barred(situation):
        return Next(due=False, reason=why_not)
    if run is not None:
        return Next(due=False, reason=f"run {run.id} is still {run.status}")
    planned = planned or min(beginnings(situation), key=lambda one: one.at, default=None)
    if planned is None:
        return Next(due=False, reason="its schedule has no further moment")
    reason = purpose(planned.mode, situation.timing(planned.mode) or schedule, situation)
    if planned.at <= situation.now:
        return Next(due=True, reason=reason)
    return Next(due=False, reason=f"{reason}, next at {planned.at:%H:%M:%S} UTC", at=planned.at)


def coming(situation: Situation, planned: Mapping[Mode, Planned]) -> Iterator[Preview]:
    """Every moment of all series, in their order, and whether it will run. `planned` is the next of each series."""
    series = (_series(situation, planned[mode]) for mode, _ in _cycles(situation) if mode in planned)
    for mode, occurrence in merge(*series, key=lambda one: one[1].at):
        timing = situation.timing(mode)
        why_not = hindrance(occurrence.at, timing, situation) if timing else None
        if not situation.integration.enabled:
            why_not = "it is disabled"
        remarks = [why_not] if why_not else []
        if occurrence.clocks_change:
            remarks.append("the clocks change on that day")
        yield Preview(mode=mode, at=occurrence.at, will_run=why_not is None, remarks=tuple(remarks))


def _series(situation: Situation, first: Planned) -> Iterator[tuple[Mode, Occurrence]]:
    timing = situation.timing(first.mode)
    after = max(first.at, situation.now)
    later = upcoming(timing, first.ref, after, situation.zone) if timing else iter(())
    if timing and timing.every is not None:
        later = _intervals(first.at, timing, situation)
    for occurrence in chain([Occurrence(first.at, first.clocks_change)], later):
        yield first.mode, occurrence


def _intervals(moment: datetime, timing: Timing, situation: Situation) -> Iterator[Occurrence]:
    """An interval that the hours forbid comes when they end, and counts from there."""
    while timing.every is not None:
        moment = freed(moment, timing, situation) or max(moment, situation.now) + timing.every
        yield Occurrence(moment)


def _cycles(situation: Situation) -> Iterator[tuple[Mode, object]]:
    yield from situation.schedule.cycles if situation.schedule else ()
