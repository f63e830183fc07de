"""Quiet hours and the times of digests, in a person's own zone. Pure."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from halo_controller.notifications.people import Pace, Person, QuietHours, Weekday

_DAY = timedelta(days=1)


def quiet_until(quiet: QuietHours, zone: tzinfo, now: datetime) -> datetime | None:
    """When the quiet hours end that this moment lies in; None when it lies in none."""
    today = now.astimezone(zone).date()
    # They may have begun yesterday and reach over midnight.
    for day in (today - _DAY, today):
        if list(Weekday)[day.weekday()] in quiet.days:
            last_day = day if quiet.start < quiet.end else day + _DAY
            begin, end = _at(day, quiet.start, zone), _at(last_day, quiet.end, zone)
            if begin <= now < end:
                return end
    return None


def digest_after(moment: datetime, pace: Pace, person: Person) -> datetime:
    """When the first digest goes out after this moment."""
    if pace is Pace.HOURLY:
        return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return next(at for at in _daily(moment, person.digest_at, person.tzinfo) if at > moment)


def _daily(moment: datetime, at: time, zone: tzinfo) -> Iterator[datetime]:
    day = moment.astimezone(zone).date()
    while True:
        yield _at(day, at, zone)
        day += _DAY


def _at(day: date, at: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
