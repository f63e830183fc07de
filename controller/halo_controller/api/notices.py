"""What travels over the REST API about incidents and notifications."""

from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, Field, model_validator

from halo_controller.incidents.headlines import title
from halo_controller.incidents.nouns import Incident
from halo_controller.notifications.decision import DoNotTell, Tell, Wait
from halo_shared.durations import Span
from halo_shared.identifiers import IntegrationName, Slug, TenantId
from halo_shared.mapping import Strict
from halo_shared.runs import Frozen


class IncidentView(Incident):
    """An incident, and how it stands."""

    title: str
    """What is wrong, in a line."""

    @classmethod
    def of(cls, incident: Incident) -> Self:
        """The incident as it is now."""
        return cls(**incident.model_dump(), title=title(incident))


class Hearing(Frozen):
    """Whether a person is told of an incident, and why, or why not."""

    person: Slug
    verdict: str
    """`tell`, `wait` or `not`."""
    reason: str
    until: datetime | None = None

    @classmethod
    def of(cls, person: str, decision: Tell | Wait | DoNotTell) -> Self:
        """The decision as people read it."""
        match decision:
            case Tell(reason=reason):
                return cls(person=person, verdict="tell", reason=reason)
            case Wait(reason=reason, until=until):
                return cls(person=person, verdict="wait", reason=reason, until=until)
            case DoNotTell(reason=reason):
                return cls(person=person, verdict="not", reason=reason)


class IncidentDetail(IncidentView):
    """An incident, and the decision for each person as it would be made now."""

    heard_by: tuple[Hearing, ...] = ()

    @classmethod
    def of(cls, incident: Incident, heard_by: list[Hearing] | None = None) -> Self:
        """The incident as it is now."""
        return cls(
            **incident.model_dump(),
            title=title(incident),
            heard_by=tuple(heard_by or ()),
        )


class NewSilence(Strict):
    """Nobody is to be told of these incidents for a while."""

    tenant: TenantId | None = None
    integration: IntegrationName | None = None
    code: str | None = None
    incident: str | None = None
    person: Slug | None = None
    starts_at: AwareDatetime | None = None
    """At once when left out."""
    ends_at: AwareDatetime | None = None
    lasts: Span | None = None
    """Instead of `ends_at`; with neither it holds until it is lifted."""
    reason: str = Field(min_length=1, max_length=500)

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.ends_at and self.lasts:
            raise ValueError("give 'ends_at' or 'lasts', not both")
        return self
