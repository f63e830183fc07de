"""The moments of a timing, one after the other: pure.

A cron line goes by Debian's cron where the clocks change: what the clocks skip runs right after the skip, and what
they repeat runs once, unless it runs every hour anyway. A calendar rule goes by RFC 5545: what the clocks skip is as
far behind the skip as it would have been, and of what they repeat the first counts.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim
from dateutil.rrule import rrulestr

from halo_shared.hours import at
from halo_shared.identifiers import IntegrationRef
from halo_shared.schedules import EPOCH, Timing

_DAY = timedelta(days=1)
_LARGEST_SKIP = timedelta(hours=3)
"""No clock was ever put forward or back by so much."""


REMEMBERED: Final = 20_000
"""Series whose longest gap is asked for again and again, by whoever watches them all."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One moment at which a run is planned."""

    at: datetime
    """In UTC, the spread counted in."""
    clocks_change: bool = False
    """Whether they do so on that day in the zone of the timing."""


def upcoming(timing: Timing, ref: IntegrationRef, after: datetime, zone: ZoneInfo) -> Iterator[Occurrence]:
    """Every moment after this one. `zone` is the tenant's, for a timing that names none."""
    if timing.every is not None:
        moment = after
        while True:
            moment += timing.every
            yield Occurrence(moment)
    zone = ZoneInfo(timing.zone) if timing.zone else zone
    offset = offset_of(ref, timing.spread)
    planned = _by_cron if timing.cron is not None else _by_rule
    for moment in planned(timing, after - offset, zone):
        yield Occurrence(moment + offset, _clocks_change(moment, zone))


def offset_of(ref: IntegrationRef, spread: timedelta) -> timedelta:
    """How long after the planned moment this integration starts: ever the same, and evenly spread over all of them."""
    seconds = int(spread.total_seconds())
    digest = hashlib.blake2b(str(ref).encode(), digest_size=8).digest()
    return timedelta(seconds=int.from_bytes(digest) % seconds if seconds else 0)


@lru_cache(REMEMBERED)
def gap(timing: Timing, ref: IntegrationRef, after: datetime, zone: ZoneInfo) -> timedelta | None:
    """The longest time between the next few moments; None for a series that ends."""
    moments = [one.at for one in islice(upcoming(timing, ref, after, zone), 8)]
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    return max(gaps, default=None)


def _by_cron(timing: Timing, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    for moment in CronSim(timing.cron or "", after.astimezone(zone)):
        yield moment.astimezone(UTC)


def _by_rule(timing: Timing, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    rule = rrulestr(timing.rrule or "", dtstart=timing.starting or EPOCH)
    local = after.astimezone(zone).replace(tzinfo=None)
    # A wall clock may show a moment twice: look from before the largest skip, and let pass what is over. What it
    # skips falls on a later hour, which may have a moment of its own there: both are one.
    last = after
    for wall in rule.xafter(local - _LARGEST_SKIP):
        moment = wall.replace(tzinfo=zone).astimezone(UTC)
        if moment > last:
            yield moment
            last = moment


def _clocks_change(moment: datetime, zone: ZoneInfo) -> bool:
    day = moment.astimezone(zone).date()
    begin, end = at(day, time.min, zone), at(day + _DAY, time.min, zone)
    return end - begin != _DAY
