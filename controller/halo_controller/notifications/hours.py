"""The times of digests, in a person's own zone. Pure."""

from datetime import datetime, timedelta
from itertools import count

from halo_controller.notifications.people import Pace, Person
from halo_shared.hours import at


def digest_after(moment: datetime, pace: Pace, person: Person) -> datetime:
    """When the first digest goes out after this moment."""
    if pace is Pace.HOURLY:
        return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    today = moment.astimezone(person.tzinfo).date()
    days = (at(today + timedelta(days=ahead), person.digest_at, person.tzinfo) for ahead in count())
    return next(time for time in days if time > moment)
