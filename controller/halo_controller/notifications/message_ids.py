"""What an e-mail of ours is called, so that a thread holds together and what comes back is known again. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from halo_controller.notifications.nouns import Notification, Occasion
from halo_shared.identifiers import SLUG

HEADER: Final = "X-Halo-Notification"
"""Carries a message's id, and so comes back with what could not be delivered."""

_ID: Final = "[0-9a-f]{8}"
_DOMAIN: Final = r"[^<>@\s]+"
_BY_ITSELF: Final = re.compile(rf"<({_ID})@{_DOMAIN}>")
_BY_INCIDENT: Final = re.compile(rf"<incident\.({_ID})\.({SLUG.strip('^$')})@{_DOMAIN}>")


@dataclass(frozen=True, slots=True)
class Opening:
    """The message that told a person of an incident first."""

    incident: str
    person: str


Name = str | Opening
"""A message's own id, or the opening that it is."""


def name_of(notification: Notification) -> Name:
    """What this message is called: an opening by what it is of, so that the later messages know it and join its thread."""
    match notification.topics:
        case [topic] if topic.occasion is Occasion.OPENED:
            return Opening(topic.incident.id, notification.person)
        case _:
            return notification.id


def message_id(name: Name, domain: str) -> str:
    """The Message-ID of the message of this name."""
    match name:
        case Opening(incident, person):
            return f"<incident.{incident}.{person}@{domain}>"
        case str():
            return f"<{name}@{domain}>"


def name_in(header: str, message_id: str) -> Name | None:
    """The message that this header names, or else this Message-ID; None where neither has a form of ours."""
    if re.fullmatch(_ID, header):
        return header
    if found := _BY_ITSELF.fullmatch(message_id):
        return found[1]
    if found := _BY_INCIDENT.fullmatch(message_id):
        return Opening(incident=found[1], person=found[2])
    return None
