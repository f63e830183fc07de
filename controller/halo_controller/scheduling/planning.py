"""The next moment of each series of an integration: pure."""

from collections.abc import Sequence
from datetime import datetime

from halo_controller.scheduling.nouns import Planned
from halo_controller.scheduling.occurrences import Occurrence, offset_of, upcoming
from halo_controller.scheduling.situation import Situation
from halo_shared.identifiers import IntegrationRef
from halo_shared.runs import Mode
from halo_shared.schedules import Timing


def moments(situation: Situation, planned: Sequence[Planned]) -> Sequence[Planned]:
    """The next moment of each series: as planned, or as it would be planned now."""
    integration = situation.integration
    as_planned = integration.enabled and integration.planned and planned
    return planned if as_planned else beginnings(situation, planned)


def series(situation: Situation, planned: Sequence[Planned]) -> Sequence[tuple[Planned, Timing]]:
    """The next moment of each series with its timing."""
    found = ((one, situation.timing(one.mode)) for one in moments(situation, planned))
    return [(one, timing) for one, timing in found if timing]


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
