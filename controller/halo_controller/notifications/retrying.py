"""When a message that did not arrive is tried again. Pure."""

from datetime import datetime, timedelta
from typing import Final

from halo_controller.notifications.nouns import Notification, NotificationState

FIRST: Final = timedelta(seconds=15)
LONGEST: Final = timedelta(minutes=30)
GIVEN_UP_AFTER: Final = timedelta(days=2)
"""What could not be told by then is old news."""


def after_failure(
    notification: Notification, result: str, now: datetime, *, retry_after: float | None = None
) -> Notification:
    """The message after one more attempt in vain: it waits for the next, or is given up."""
    attempts = notification.attempts + 1
    pause = min(LONGEST, FIRST * 2 ** min(attempts - 1, 10))
    next_at = now + max(pause, timedelta(seconds=retry_after or 0))
    over = next_at - notification.created_at > GIVEN_UP_AFTER
    return notification.model_copy(
        update={
            "state": NotificationState.GIVEN_UP if over else NotificationState.WAITING,
            "attempts": attempts,
            "next_at": next_at,
            "result": result,
        }
    )
