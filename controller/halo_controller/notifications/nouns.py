"""Messages to people and what became of each, and the silences that hold them back."""

import secrets
from datetime import datetime
from enum import StrEnum

from halo_controller.incidents.nouns import Incident
from halo_controller.notifications.people import Channel
from halo_shared.identifiers import IntegrationName, Slug, TenantId
from halo_shared.runs import Frozen


class Occasion(StrEnum):
    """What in an incident's life a message is about."""

    OPENED = "opened"
    REMINDER = "reminder"
    RECOVERED = "recovered"


class Told(Frozen):
    """A person was told of an incident; or the message is on its way."""

    occasion: Occasion
    at: datetime


class Topic(Frozen):
    """One incident in a message, as it was when the message was written."""

    occasion: Occasion
    incident: Incident


class NotificationState(StrEnum):
    """What became of a message."""

    WAITING = "waiting"
    """It is to be sent, for the first time or once more."""
    SENT = "sent"
    REFUSED = "refused"
    """The other side does not take it, now or later."""
    BOUNCED = "bounced"
    """It was taken, and came back."""
    GIVEN_UP = "given_up"
    """It was tried often enough."""


class Notification(Frozen):
    """One message to one person through one channel."""

    id: str
    person: Slug
    tenant: TenantId | None = None
    """Of the person, when it was written."""
    channel: Channel
    topics: tuple[Topic, ...]
    """Several make a digest; none a trial."""
    state: NotificationState = NotificationState.WAITING
    reason: str
    """Why it is sent, in a sentence."""
    created_at: datetime
    attempts: int = 0
    next_at: datetime
    """When it is tried, or tried again."""
    sent_at: datetime | None = None
    bounced_at: datetime | None = None
    """When it was seen to have come back."""
    result: str = ""
    """What the other side said last."""
    reference: str = ""
    """What the other side knows it by, as the id of a ticket."""


class Silence(Frozen):
    """Nobody is told of these incidents meanwhile: a mute, a silence or a maintenance window."""

    id: str
    tenant: TenantId | None = None
    """Of this tenant only; of all when left out, as with the others."""
    integration: IntegrationName | None = None
    code: str | None = None
    incident: str | None = None
    person: Slug | None = None
    """For this person only; the others are told."""
    starts_at: datetime
    """In the future for a maintenance window."""
    ends_at: datetime | None
    """None for a mute, which lasts until it is lifted."""
    reason: str
    by: str

    def covers(self, incident: Incident, person: str, now: datetime) -> bool:
        """Whether this person is not to be told of this incident now."""
        wanted = (
            (self.tenant, incident.cause.tenant),
            (self.integration, incident.cause.integration),
            (self.code, incident.cause.code),
            (self.incident, incident.id),
            (self.person, person),
        )
        in_time = self.starts_at <= now and (self.ends_at is None or now < self.ends_at)
        return in_time and all(own is None or own == its for own, its in wanted)


def new_id() -> str:
    """A fresh id of a message or silence."""
    return secrets.token_hex(4)
