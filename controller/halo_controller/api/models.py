"""What travels over the REST API besides the nouns themselves; the command line reads the same models."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, model_validator

from halo_controller.nouns import AgentState, Attempt, Equipped, Group, Run
from halo_controller.scheduling.nouns import Next
from halo_shared.entities import EntityKind
from halo_shared.identifiers import (
    AgentId,
    GroupId,
    IntegrationRef,
    Slug,
    TenantId,
)
from halo_shared.integrations import IntegrationSpec
from halo_shared.integrators import HOSTED_GROUP, Integrator
from halo_shared.mapping import EntityMapping, Strict
from halo_shared.messages.requests import ConnectorSpec
from halo_shared.runs import Cursors, Frozen, Mode
from halo_shared.schedules import Timing
from halo_shared.topology import Address, Exchange, QueueKind


class ErrorBody(Frozen):
    """Why a request was refused."""

    error: str
    """A stable name for programs."""
    message: str
    """A sentence for people."""


class NewGroup(Strict):
    """A group to add."""

    name: GroupId
    title: str = ""
    kind: Integrator | None = None
    """What its agents are: `hosted` for the group of that name, else `local` when left out."""
    tenant: TenantId | None = None
    """On whose network they are; integrations of other tenants are then refused."""

    @model_validator(mode="after")
    def _one_group_is_hosted(self) -> Self:
        hosted = self.name == HOSTED_GROUP
        if self.kind is not None and hosted != (self.kind is Integrator.HOSTED):
            raise ValueError(
                f"kind: the hosted agents are the group '{HOSTED_GROUP}', and no other group is hosted"
            )
        if hosted and self.tenant is not None:
            raise ValueError("tenant: the hosted agents work for every tenant; leave it out")
        return self

    @property
    def integrator(self) -> Integrator:
        """What its agents are."""
        return self.kind or (Integrator.HOSTED if self.name == HOSTED_GROUP else Integrator.LOCAL)


class AddedGroup(Group):
    """A group that was just added."""

    note: str = ""
    """What is still to be done for it; empty when nothing is."""


class NewAgent(Strict):
    """An agent to register."""

    name: AgentId
    group: GroupId


class AgentView(Frozen):
    """An agent, and whether it can be heard."""

    name: AgentId
    group: GroupId
    state: AgentState
    created_at: datetime
    seen_at: datetime | None
    version: str
    slots: int
    free_slots: int
    spooled: int
    """Events that wait on the agent for the broker."""
    dropped: int = 0
    """Events that it could not keep, since it started."""
    connectors: tuple[Slug, ...]
    doing: tuple[str, ...]
    """One line per loop of the agent: what it does at this moment."""
    protocol: int = 0
    """The version of the protocol that it speaks; zero before it was heard."""
    stalled: float = 0
    """For how many seconds its loop had not moved when it was last heard."""
    draining: bool = False
    note: str = ""
    """What is still to be done for it; empty when nothing is."""

    @classmethod
    def of(cls, agent: Equipped, now: datetime, *, note: str = "") -> Self:
        """The agent as it is seen now."""
        return cls(
            **agent.model_dump(exclude={"session", "announced", "connectors"}),
            state=agent.state(now),
            connectors=tuple(one.name for one in agent.connectors),
            note=note,
        )


class AgentDetail(AgentView):
    """An agent with all that it said of its connectors."""

    announced: tuple[ConnectorSpec, ...]
    """With the JSON schema of their settings."""


class GroupChoice(Strict):
    """The group of agents that an integration is assigned to."""

    group: GroupId


class RunRequest(Strict):
    """Why a run is wanted now, and how much it is to read."""

    reason: str = Field(default="", max_length=500)
    mode: Mode | None = None
    """All that changed, where that can be told, when left out."""


class PauseRequest(Strict):
    """Why an integration is paused."""

    reason: str = Field(default="", max_length=500)


class OneRecordRequest(Strict):
    """Which record is to be synced now."""

    key: str = Field(min_length=1, max_length=200)
    """Its id at the source, its name, or a value by which it is recognised."""


class CancelRequest(Strict):
    """Why a run is no longer wanted."""

    reason: str = Field(default="", max_length=500)


class ApproveRequest(Strict):
    """How much of a held plan may be done."""

    up_to: int | None = Field(default=None, ge=1)
    """At most so many records per entity and action; all that was found when left out."""


class IntegrationView(Frozen):
    """An integration, when it runs next and how it ran last."""

    tenant: TenantId
    spec: IntegrationSpec
    enabled: bool
    created_at: datetime
    changed_at: datetime
    cursors: Cursors
    """How far each entity was read; empty when the next run reads everything."""
    escrowed: int = 0
    """Records that failed, which the agent keeps and tries again, less and less often."""
    last_success: datetime | None = None
    """When a run last reached both the tool and Halo; None for never."""
    next: Next
    last_run: Run | None
    paused: bool = False
    note: str = ""
    """What could not be checked when it was changed just now; empty when all was."""

    @property
    def ref(self) -> IntegrationRef:
        """Its name across tenants."""
        return IntegrationRef(self.tenant, self.spec.name)


class Enabling(Strict):
    """What a tenant chooses of a hosted integration; what is left out stays as it is."""

    connector: Slug | None = None
    """The tool; by default what the integration is called."""
    title: str | None = None
    entities: tuple[EntityKind, ...] | None = Field(default=None, min_length=1)
    """All that the connector imports, for a new one that names none."""
    settings: dict[str, Any] | None = None  # Any: the connector's own
    mapping: dict[EntityKind, EntityMapping] | None = None


class OverrideRequest(Timing):
    """A time that one hosted integration is given instead of its class's."""

    reason: str = Field(min_length=1, max_length=500)
    """Why, for those who read it later."""


class RunView(Run):
    """A run and all attempts at it."""

    attempts: tuple[Attempt, ...] = ()


class QueueView(Frozen):
    """A queue and how many messages wait in it."""

    name: str
    kind: QueueKind
    bindings: tuple[Address, ...]
    carries: str
    expires: timedelta | None
    depth: int | None
    """None when the broker has no such queue, or was not asked with success."""


class TopologyView(Frozen):
    """Every exchange and queue, as this controller declares them."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[QueueView, ...]
    alarms: tuple[str, ...]
    """What needs a person's eye, one sentence each."""


class HealthStatus(StrEnum):
    """Whether the controller can do its work."""

    OK = "ok"
    ALARM = "alarm"
    """It works, and something needs a person's eye."""
    DOWN = "down"
    """It cannot work now."""


class AgentCount(Frozen):
    """How many agents can be heard."""

    online: int = 0
    silent: int = 0
    expected: int = 0
    stalled: int = 0
    draining: int = 0
    stopped: int = 0


class Health(Frozen):
    """Whether the controller, its broker and its database work."""

    status: HealthStatus
    broker: bool
    """Whether the broker answers."""
    database: bool
    """Whether the database answers."""
    outbox: int
    """Messages that wait for the broker."""
    buried: int | None
    """Messages that could not be understood; None when the broker was not asked with success."""
    agents: AgentCount
    leader: str = ""
    """Where the controller runs that leads; empty for one that is alone."""
    alarms: tuple[str, ...]
    """What needs a person's eye, one sentence each."""
