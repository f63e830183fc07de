"""People who are told of incidents, and what each wants to hear: the files that they write."""

from datetime import time, timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AnyHttpUrl, EmailStr, Field, model_validator

from halo_shared.durations import Span
from halo_shared.hours import Hours, TimeOfDay, Zone
from halo_shared.identifiers import IntegrationName, Slug, TenantId
from halo_shared.integrators import Integrator
from halo_shared.mapping import Strict
from halo_shared.messages.events import Direction, Level
from halo_shared.redaction import SecretRef


class Pace(StrEnum):
    """How soon a person hears of an incident."""

    IMMEDIATELY = "immediately"
    HOURLY = "hourly"
    """In one message at the full hour."""
    DAILY = "daily"
    """In one message a day."""
    NEVER = "never"


class Preference(Strict):
    """What a person wants to hear of one direction."""

    pace: Pace = Pace.IMMEDIATELY
    level: Level = Level.ERROR
    """This level and louder."""
    integrations: tuple[IntegrationName, ...] = ()
    """Only these; all when left out."""
    integrators: tuple[Integrator, ...] = ()
    """Only these kinds; all when left out."""
    after_failures: int = Field(default=1, ge=1)
    """So many runs must have failed of one cause."""
    recovery: bool = True
    """Whether to be told when it is over."""
    reminder: Span | None = Field(default=timedelta(days=1), ge=timedelta(minutes=1))
    """Told once more when it is neither over nor acknowledged after this; null for never."""


class Email(Strict):
    """An e-mail, through the controller's mail server."""

    kind: Literal["email"] = "email"
    address: EmailStr

    @property
    def label(self) -> str:
        """Where it goes, without secrets."""
        return self.address


class Webhook(Strict):
    """JSON posted to a URL, signed with HMAC-SHA256 where a secret is given."""

    kind: Literal["webhook"] = "webhook"
    url: AnyHttpUrl | SecretRef
    secret: SecretRef | None = None

    @property
    def label(self) -> str:
        """Where it goes, without secrets."""
        return str(self.url)


class Chat(Strict):
    """A channel in Slack or Microsoft Teams, by its incoming webhook; the URL is a secret, so it is named by reference."""

    kind: Literal["slack", "teams"]
    url: SecretRef

    @property
    def label(self) -> str:
        """Where it goes, without secrets."""
        return self.url


class Ticket(Strict):
    """A ticket in the tenant's own Halo: one per incident, with notes, closed on recovery."""

    kind: Literal["ticket"] = "ticket"
    client_id: str
    client_secret: SecretRef
    """Of a Halo application that may only work on tickets; its value lies on the controller."""
    ticket_type: int | None = None
    client: int | None = None
    """Halo's id of the client under which tickets are opened."""
    closed_status: int = 9
    """Halo's id of the status that closes a ticket; 9 is Halo's own 'Closed'."""

    @property
    def label(self) -> str:
        """Where it goes, without secrets."""
        return "ticket in Halo"


class Other(Strict):
    """Any of the services that the library Apprise knows, by its Apprise URL, which is a secret."""

    kind: Literal["apprise"] = "apprise"
    url: SecretRef

    @property
    def label(self) -> str:
        """Where it goes, without secrets."""
        return self.url


Channel = Annotated[Email | Webhook | Chat | Ticket | Other, Field(discriminator="kind")]

AT_MOST: Final = 20


class Person(Strict):
    """Someone who is told of incidents, as written in a person file."""

    name: Slug
    title: str = ""
    tenant: TenantId | None = None
    """Whose incidents they hear of; left out for an operator, who hears of all."""
    channels: tuple[Channel, ...] = Field(min_length=1)
    incoming: Preference = Preference()
    """Errors on the way from a tool to Halo."""
    outgoing: Preference = Preference()
    """Errors on the way from Halo to a tool."""
    operation: Preference = Preference()
    """What is wrong with neither: an agent is silent, a message was buried, a certificate ends."""
    zone: Zone = "UTC"
    quiet: Hours | None = None
    digest_at: TimeOfDay = time(8)
    """When the daily message is sent."""
    at_most: int = Field(default=AT_MOST, ge=1)
    """Messages in an hour; what is more waits, and comes as one."""

    @model_validator(mode="after")
    def _a_ticket_has_a_halo(self) -> Self:
        if self.tenant is None and any(isinstance(channel, Ticket) for channel in self.channels):
            raise ValueError("channels: a ticket is opened in a tenant's Halo, so 'tenant' is needed")
        return self

    def preference(self, direction: Direction | None) -> Preference:
        """What they want to hear of this direction."""
        match direction:
            case Direction.INCOMING:
                return self.incoming
            case Direction.OUTGOING:
                return self.outgoing
            case None:
                return self.operation

    @property
    def tzinfo(self) -> ZoneInfo:
        """Their time zone."""
        return ZoneInfo(self.zone)
