"""When an integration runs by itself: what people write of it."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Self
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from dateutil.rrule import rrulestr
from pydantic import Field, NaiveDatetime, model_validator

from halo_shared import durations
from halo_shared.durations import Interval, Span
from halo_shared.hours import Hours, Zone, at
from halo_shared.mapping import Strict
from halo_shared.runs import Mode

EPOCH = datetime(2024, 1, 1)  # noqa: DTZ001 - a wall clock's time, whatever its zone
"""Where a calendar rule starts to count that names no start: a Monday, and the first of a year."""
_CRON_FORM = "write minute, hour, day of month, month and day of week, as in 30 2 * * mon-fri"
_FORMS = "give one of every: 15m, cron: '0 2 * * *' or rrule: 'FREQ=WEEKLY;BYDAY=SU;BYHOUR=4;BYMINUTE=0'"


class Timing(Strict):
    """A series of moments: an interval, a cron line, or a calendar rule (RFC 5545)."""

    every: Interval | None = None
    cron: str | None = None
    """Five fields, in the words of Debian's cron."""
    rrule: str | None = None
    starting: NaiveDatetime | None = None
    """Where a calendar rule starts to count, as the wall clock of the zone shows it."""
    zone: Zone | None = None
    """Of cron and rrule; the tenant's when left out."""
    spread: Span = Field(default=timedelta(0), ge=timedelta(0))
    """Each integration starts at its own, ever the same moment within so long after the planned one.

    An interval counts from the latest run: there the very first start is spread, and the others keep their distance.
    """

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if sum(form is not None for form in (self.every, self.cron, self.rrule)) != 1:
            raise ValueError(_FORMS)
        if self.starting is not None and self.rrule is None:
            raise ValueError("starting: only a calendar rule ('rrule') counts from a start; leave it out")
        if self.cron is not None:
            _check_cron(self.cron)
        if self.rrule is not None:
            _check_rule(self.rrule, self.starting or EPOCH)
        return self

    def __str__(self) -> str:
        if self.every is not None:
            return f"every {durations.text(self.every)}"
        zone = f" in {self.zone}" if self.zone else ""
        return f"by cron '{self.cron}'{zone}" if self.cron else f"by '{self.rrule}'{zone}"


class Overlap(StrEnum):
    """What becomes of a start while the run before it is still open."""

    SKIP = "skip"
    """It passes, unless it reads more than that run does."""
    QUEUE = "queue"
    """It waits for that end; one at the most waits."""
    REPLACE = "replace"
    """The run that is open is cancelled, unless it reads more, and this one starts when that has ended."""


class CatchUp(StrEnum):
    """What becomes of starts that were missed while the centre was away."""

    NONE = "none"
    LATEST = "latest"
    ALL = "all"
    """One after the other, as far as they are not older than `catch_up_within`; an interval runs once."""


class Schedule(Timing):
    """When an integration reads what changed, and when it reads or compares everything besides."""

    full: Timing | None = None
    """When everything is read, though changes could be told."""
    reconcile: Timing | None = None
    """When every linked record is compared with Halo, to find what was changed there by hand."""
    window: Hours | None = None
    """The only hours in which a run may start, in the zone of its timing."""
    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_within: Span = Field(default=timedelta(days=1), ge=timedelta(minutes=1))

    @model_validator(mode="before")
    @classmethod
    def _no_overlapping(cls, values: Any) -> Any:  # Any: pydantic hands a validator whatever the file held
        if isinstance(values, dict) and values.get("overlap") == "allow":
            raise ValueError(
                "overlap: two runs of one integration at a time would write against each other; "
                "take 'queue', or make two integrations of it"
            )
        return values

    @property
    def cycles(self) -> Iterator[tuple[Mode, Timing]]:
        """Each series with how it reads, the most thorough first."""
        if self.reconcile is not None:
            yield Mode.RECONCILE, self.reconcile
        if self.full is not None:
            yield Mode.FULL, self.full
        yield Mode.DELTA, self


class Blackout(Strict):
    """When nothing starts for a tenant: hours, or whole days, in its zone."""

    name: str = Field(min_length=1, description="What people call it, as in office hours.")
    hours: Hours | None = None
    dates: tuple[date, ...] = ()

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.hours is None and not self.dates:
            raise ValueError("say when: give 'hours', as in {from: 08:00, to: 18:00}, or 'dates', or both")
        return self

    def end_of(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """When it ends, as it covers this moment; None when it does not."""
        day = moment.astimezone(zone).date()
        if day in self.dates:
            return at(day + timedelta(days=1), time.min, zone)
        return self.hours.end_of(moment, zone) if self.hours else None


def _check_cron(line: str) -> None:
    if len(line.split()) != 5:  # the library reads a sixth as seconds
        raise ValueError(f"cron: '{line}' does not have five fields: {_CRON_FORM}")
    try:
        next(CronSim(line, datetime.now(UTC)))
    except StopIteration:
        raise ValueError(f"cron: '{line}' names no moment that ever comes") from None
    except CronSimError as error:
        raise ValueError(f"cron: '{line}' is not a cron line ({error}): {_CRON_FORM}") from error


def _check_rule(rule: str, starting: datetime) -> None:
    if "DTSTART" in rule.upper():
        raise ValueError("rrule: where it starts is said by 'starting', not by DTSTART")
    if re.search(r"FREQ=(?:HOUR|MINUTE|SECOND)LY", rule.upper()):
        raise ValueError("rrule: it speaks of days and longer; for hours and minutes write 'every' or 'cron'")
    if re.search(r"INTERVAL=0*(?:;|\s|$)", rule.upper()):
        raise ValueError("rrule: an INTERVAL of 0 never gets further; write 1 or more, or leave it out")
    if re.search(r"\dZ", rule.upper()):
        raise ValueError(
            "rrule: write its dates as the wall clock of the zone shows them, without the Z of UTC"
        )
    try:
        first = next(iter(rrulestr(rule, dtstart=starting)), None)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"rrule: '{rule}' is not a calendar rule ({error}): write it as RFC 5545 has it, "
            "as in FREQ=MONTHLY;BYDAY=1SU;BYHOUR=4;BYMINUTE=0"
        ) from error
    if first is None:
        raise ValueError(f"rrule: '{rule}' names no moment that ever comes")
