"""Hours of the day in a time zone, as people write them."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from halo_shared.mapping import Strict

_DAY = timedelta(days=1)


def _minutes(value: Any) -> Any:  # Any: pydantic hands a validator whatever the file held
    # YAML reads 22:00 without quotes as a number in base sixty.
    return time(value // 60, value % 60) if isinstance(value, int) and 0 <= value < 1440 else value


def _of_the_wall(hour: time) -> time:
    if hour.tzinfo is not None:
        raise ValueError("write it as the wall clock shows it, without a zone, as in 22:00")
    return hour


# It walks through a folder with some six hundred files: far too dear for each time that a tenant is read.
_zones = cache(available_timezones)


def _a_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError(f"'{name}' is not a time zone: write one of the IANA names, as in Europe/London")
    return name


TimeOfDay = Annotated[time, BeforeValidator(_minutes), AfterValidator(_of_the_wall)]
"""A time as people write it: 22:00."""
Zone = Annotated[str, AfterValidator(_a_zone)]
"""An IANA name, as in Europe/London."""


class Weekday(StrEnum):
    """A day of the week."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"

    @classmethod
    def of(cls, day: date) -> Self:
        """The weekday of this day."""
        return list(cls)[day.weekday()]


class Hours(Strict):
    """A part of the day; it may reach over midnight."""

    start: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")
    days: tuple[Weekday, ...] = Field(default=tuple(Weekday), min_length=1)
    """The days on which it begins."""

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.start == self.end:
            raise ValueError("'from' and 'to' are the same; give two times, as in from: 22:00 and to: 07:00")
        return self

    def __str__(self) -> str:
        on = "" if self.days == tuple(Weekday) else f" on {', '.join(self.days)}"
        return f"{self.start:%H:%M} to {self.end:%H:%M}{on}"

    @property
    def length(self) -> timedelta:
        """How long they are on a day without a change of clocks."""
        minutes = (self.end.hour - self.start.hour) * 60 + self.end.minute - self.start.minute
        return timedelta(minutes=minutes % (24 * 60))

    def end_of(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """When the hours end that this moment lies in; None when it lies in none."""
        today = moment.astimezone(zone).date()
        # They may have begun yesterday and reach over midnight.
        for day in (today - _DAY, today):
            if Weekday.of(day) in self.days:
                last_day = day if self.start < self.end else day + _DAY
                begin, end = at(day, self.start, zone), at(last_day, self.end, zone)
                if begin <= moment < end:
                    return end
        return None

    def next_begin(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """When they begin next after this moment; None when they have no days."""
        today = moment.astimezone(zone).date()
        days = (today + n * _DAY for n in range(8))
        begins = (at(day, self.start, zone) for day in days if Weekday.of(day) in self.days)
        return next((begin for begin in begins if begin > moment), None)


def at(day: date, hour: time, zone: tzinfo) -> datetime:
    """That hour of that day, in UTC; one that the clocks skip is as far behind the skip as it would have been."""
    return datetime.combine(day, hour, zone).astimezone(UTC)
