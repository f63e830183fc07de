"""What is wrong, as values: a sighting of a cause, and the incident that all sightings of it make."""

import secrets
from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import computed_field

from halo_shared.errors import ErrorClass
from halo_shared.identifiers import AgentId, IntegrationName, RunId, TenantId
from halo_shared.integrators import Integrator
from halo_shared.messages.events import Direction, Level
from halo_shared.runs import Frozen


class Condition(StrEnum):
    """What is wrong without that a run failed: seen by looking, and over when it is no longer seen."""

    NO_SUCCESS = "NoSuccess"
    RUN_HELD = "RunHeld"
    INTEGRATION_PAUSED = "IntegrationPaused"
    INTEGRATION_SLOWED = "IntegrationSlowed"
    AGENT_SILENT = "AgentSilent"
    EVENTS_DROPPED = "EventsDropped"
    MESSAGE_BURIED = "MessageBuried"
    EXPIRES_SOON = "ExpiresSoon"
    CERTIFICATE_ENDS = "CertificateEnds"


CONDITIONS: Final = frozenset(condition.value for condition in Condition)


class Cause(Frozen):
    """What makes two errors one: never a text, in which times, counters and ids differ."""

    tenant: TenantId | None
    """None: it concerns the whole installation."""
    integration: IntegrationName | None = None
    """None: it concerns all of the tenant."""
    error_class: ErrorClass
    code: str
    place: str = ""
    """Where: the entity whose records fail, the agent that is silent, the queue that fills."""

    @property
    def key(self) -> str:
        """One text per cause, for the store to hold unique."""
        parts = (self.tenant or "", self.integration or "", self.error_class, self.code, self.place)
        return "|".join(parts)

    @property
    def subject(self) -> str:
        """What is concerned, as people write it."""
        if self.tenant and self.integration:
            return f"{self.tenant}/{self.integration}"
        return self.tenant or "halo-integrator"


class Sighting(Frozen):
    """A cause was seen: so often, at this moment, in these words."""

    cause: Cause
    level: Level
    direction: Direction | None = None
    """None: it is about neither way, but about the operation itself."""
    integrator: Integrator | None = None
    message: str
    advice: str
    at: datetime
    run: RunId | None = None
    agent: AgentId | None = None
    errors: int = 1
    examples: tuple[str, ...] = ()
    """Names of records, or whatever shows what is meant."""


class IncidentState(StrEnum):
    """Where an incident is in its life."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RECOVERED = "recovered"


class Incident(Frozen):
    """One cause that is open until it recovers."""

    id: str
    cause: Cause
    level: Level
    direction: Direction | None
    integrator: Integrator | None
    message: str
    """In the words of the latest sighting."""
    advice: str
    examples: tuple[str, ...] = ()
    run: RunId | None = None
    """The latest run that had it."""
    agent: AgentId | None = None
    errors: int
    """How often it was seen."""
    failures: int
    """In how many runs."""
    opened_at: datetime
    seen_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    recovered_at: datetime | None = None
    recovery: str = ""
    """Why it is over, in a sentence."""

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def state(self) -> IncidentState:
        """Where it is in its life."""
        if self.recovered_at:
            return IncidentState.RECOVERED
        return IncidentState.ACKNOWLEDGED if self.acknowledged_at else IncidentState.OPEN


def new_incident_id() -> str:
    """A fresh id, short enough to type."""
    return secrets.token_hex(4)
