"""What a message is after a mail server said something of it, and what that says of its person."""

from datetime import timedelta

import pytest

from halo_controller.notifications.bounces import Bounce
from halo_controller.notifications.fates import LATELY, after_bounce, lately, returned
from halo_controller.notifications.notifier import trial
from halo_controller.notifications.nouns import Notification, NotificationState
from halo_controller.notifications.people import Person
from tests.support.builders import NOW
from tests.support.incidents import Some, person

JANE = person(
    channels=[
        {"kind": "email", "address": "jane@acme.example"},
        {"kind": "email", "address": "jane@home.example"},
        {"kind": "slack", "url": "secret://slack"},
    ]
)
SENT = {"id": "0000000a", "state": NotificationState.SENT, "result": "250 OK"}
FAILED = Bounce("0000000a", "jane@acme.example", permanent=True, said="5.1.1 no such user")
LATE = Bounce("0000000a", "jane@acme.example", permanent=False, said="4.4.1 timed out")


def messages(of: Person = JANE, **changes: Some) -> list[Notification]:
    """One through each of the channels."""
    return [
        trial(of, channel, "jane wants it", NOW).model_copy(update=SENT | changes) for channel in of.channels
    ]


def test_of_a_person_s_messages_the_one_to_the_address_came_back() -> None:
    work, home, chat = messages()
    at_home = Bounce("0000000a", "Jane@Home.example", permanent=True, said="")
    forwarded = Bounce("0000000a", "jd@elsewhere.example", permanent=True, said="")

    assert returned(at_home, [work, home, chat]) is home
    assert returned(forwarded, [work, home, chat]) is None
    assert returned(forwarded, [home, chat]) is home
    assert returned(at_home, [chat]) is None


def test_what_came_back_is_the_last_word() -> None:
    (sent, *_) = messages()

    delayed = after_bounce(sent, LATE, NOW)
    assert isinstance(delayed, Notification)
    assert (delayed.state, delayed.result, delayed.bounced_at) == (
        NotificationState.SENT,
        "it is delayed on its way to jane@acme.example: 4.4.1 timed out",
        None,
    )
    bounced = after_bounce(delayed, FAILED, NOW)
    assert isinstance(bounced, Notification)
    assert (bounced.state, bounced.result, bounced.bounced_at) == (
        NotificationState.BOUNCED,
        "it came back from jane@acme.example: 5.1.1 no such user",
        NOW,
    )
    for later in (LATE, FAILED):
        assert after_bounce(bounced, later, NOW + timedelta(hours=1)) == bounced


@pytest.mark.parametrize(
    "state", sorted(set(NotificationState) - {NotificationState.SENT, NotificationState.BOUNCED})
)
def test_what_is_not_sent_cannot_have_come_back_yet(state: NotificationState) -> None:
    (early, *_) = messages(state=state)

    assert after_bounce(early, FAILED, NOW) == f"the message is {state}, and not sent"


def test_a_person_is_shown_with_the_last_that_came_back_from_each_address_they_have() -> None:
    def came_back(at: timedelta, **changes: Some) -> list[Notification]:
        return messages(state=NotificationState.BOUNCED, bounced_at=NOW - at, **changes)[:2]

    long_ago = came_back(LATELY + timedelta(seconds=1))
    earlier = came_back(timedelta(days=3))
    last = came_back(LATELY / 2, id="0000000b")[:1] + came_back(timedelta(days=1), id="0000000c")[1:]
    moved = person(channels=[{"kind": "email", "address": "jane@home.example"}])

    assert lately(JANE, [*last, *long_ago], NOW) == last
    assert lately(JANE, [last[1], earlier[1]], NOW) == [last[1]]
    assert lately(moved, [*earlier, *last], NOW) == [last[1]]
    assert lately(person("new"), long_ago, NOW) == []
