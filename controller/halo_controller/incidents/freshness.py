"""How long an integration may go without success: pure."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from halo_controller.scheduling.hindrances import first_free
from halo_controller.scheduling.occurrences import gap
from halo_controller.scheduling.planning import next_after, planned_at
from halo_controller.scheduling.situation import Situation
from halo_shared.runs import Mode

STALE_AFTER: Final = timedelta(days=1)
"""The least that an integration may go without success, unless it says otherwise."""


def fresh_within(situation: Situation) -> timedelta | None:
    """How long it may go without success; None when it does not run by itself."""
    integration, schedule = situation.integration, situation.schedule
    if not integration.enabled or schedule is None:
        return None
    usual = gap(schedule, integration.ref, integration.changed_at, ZoneInfo("UTC"))
    return integration.spec.fresh_within or max(STALE_AFTER, 3 * (usual or STALE_AFTER))


def overdue(situation: Situation, since: datetime) -> timedelta | None:
    """What it may go without success, where it has gone longer than that since this moment; None where it has not.

    Where its hours forbid the start that follows, it counts from when they end: nobody expects success meanwhile.
    """
    limit = fresh_within(situation)
    if limit is None or situation.now - since <= limit:
        return None
    return limit if situation.now - (_put_off_to(situation, since) or since) > limit else None


def _put_off_to(situation: Situation, since: datetime) -> datetime | None:
    """When the start that follows this moment may come, where it may not come as it is planned."""
    timing = situation.timing(Mode.DELTA)
    following = next_after(since, timing, situation) if timing else None
    if timing is None or following is None:
        return None
    free = first_free(planned_at(situation.integration.ref, Mode.DELTA, following), timing, situation)
    return free if free != following.at else None
