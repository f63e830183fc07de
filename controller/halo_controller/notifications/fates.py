"""What a bounce makes of the message that it is about. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Final

from halo_controller.notifications.bounces import Bounce
from halo_controller.notifications.nouns import Notification, NotificationState
from halo_controller.notifications.people import Email, Person

LATELY: Final = timedelta(days=14)
"""So long a person is shown with an address from which a message came back."""


def returned(bounce: Bounce, known: Sequence[Notification]) -> Notification | None:
    """Which of the messages of that name it was: they can be several where a person has several addresses."""
    mailed = [(one, one.channel.address) for one in known if isinstance(one.channel, Email)]
    if len(mailed) > 1:
        mailed = [each for each in mailed if each[1].casefold() == bounce.recipient.casefold()]
    return next((one for one, _ in mailed), None)


def after_bounce(notification: Notification, bounce: Bounce, now: datetime) -> Notification | str:
    """The message after this was heard of it, or why that cannot be noted yet."""
    said = f"{bounce.recipient}: {bounce.said}"
    match notification.state:
        case NotificationState.BOUNCED:  # that is the last word
            return notification
        case NotificationState.SENT if bounce.permanent:
            came_back = {
                "state": NotificationState.BOUNCED,
                "bounced_at": now,
                "result": f"it came back from {said}",
            }
            return notification.model_copy(update=came_back)
        case NotificationState.SENT:
            return notification.model_copy(update={"result": f"it is delayed on its way to {said}"})
        case state:
            return f"the message is {state}, and not sent"


def lately(person: Person, bounced: Sequence[Notification], now: datetime) -> Sequence[Notification]:
    """The last message that came back from each of the addresses that this person has now."""
    recent = [
        (one.bounced_at, one)
        for one in bounced
        if one.channel in person.channels and one.bounced_at and now - one.bounced_at <= LATELY
    ]
    return list({one.channel.label: one for _, one in sorted(recent, key=itemgetter(0))}.values())
