"""What the centre knows, as values."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from pydantic import Field

from halo_shared.certificates import CertificateEnd
from halo_shared.identifiers import AgentId, GroupId, IntegrationName, IntegrationRef, RunId, TenantId
from halo_shared.integrations import IntegrationSpec, TenantSpec
from halo_shared.integrators import Integrator
from halo_shared.messages.base import Failure
from halo_shared.messages.events import Stage
from halo_shared.messages.requests import ConnectorSpec, HaloChecked
from halo_shared.outcomes import Outcome
from halo_shared.runs import Approval, Counts, Cursors, Excess, Frozen, Mode, RunStatus

HEARTBEAT: Final = timedelta(seconds=10)
SILENT_AFTER: Final = 3 * HEARTBEAT
"""An agent that missed this many heartbeats is called silent."""
DEAD_AFTER: Final = timedelta(seconds=45)
"""Silence after which an agent's attempts are lost: it outlasts the longest pause before a reconnection."""
STALLED_AFTER: Final = 2 * HEARTBEAT
"""An agent whose loop has not moved for so long is called stalled."""
GIVEN_UP_AFTER: Final = timedelta(minutes=5)
"""A stall after which an agent's attempts are lost: no call of a connector may take so long."""
PARTED_AFTER: Final = timedelta(seconds=5)
"""After a goodbye the last words of its attempts may still be on their way, but no longer than this."""


class Tenant(Frozen):
    """One Halo instance of one customer."""

    spec: TenantSpec
    created_at: datetime


class HaloCheck(Frozen):
    """Whether an agent can enter a tenant's Halo, and what it may do there, as last tried."""

    tenant: TenantId
    ask: UUID
    agent: AgentId
    asked_at: datetime
    answered_at: datetime | None = None
    answer: HaloChecked | None = None
    """None until the agent has answered."""


class Group(Frozen):
    """Agents that compete for the same work."""

    name: GroupId
    title: str = ""
    created_at: datetime
    kind: Integrator = Integrator.LOCAL
    """What its agents are."""
    tenant: TenantId | None = None
    """On whose network they are; None where they may work for every tenant."""


class Integration(Frozen):
    """One configured connection of a connector to a tenant."""

    tenant: TenantId
    spec: IntegrationSpec
    enabled: bool
    fence: int
    """Grows with every lease that is granted for it, and with every change of its definition."""
    cursors: Cursors
    escrowed: int = 0
    """Records that failed, which the agent of the latest run keeps and tries again."""
    last_agent: AgentId | None = None
    """The agent that made the newest attempt at it, and so has the freshest links."""
    last_fence: int = 0
    """The fence of that attempt."""
    created_at: datetime
    changed_at: datetime
    last_opened_at: datetime | None = None
    """When its latest run was opened."""
    planned: bool = True
    """Whether its next moments were worked out since its definition, its tenant or its host last changed."""
    last_success: datetime | None = None
    """When a run last reached both the tool and Halo; it outlives that run in the log."""

    @property
    def ref(self) -> IntegrationRef:
        """Its name across tenants."""
        return IntegrationRef(self.tenant, self.spec.name)

    @property
    def mode(self) -> Mode:
        """Without a cursor everything is read."""
        return Mode.DELTA if self.cursors else Mode.FULL


class AgentState(StrEnum):
    """Whether an agent can be heard."""

    EXPECTED = "expected"
    """Registered, and never heard of yet."""
    ONLINE = "online"
    SILENT = "silent"
    STALLED = "stalled"
    """Its process lives, and its loop does not move: it can take no job and hear no cancel."""
    DRAINING = "draining"
    """It finishes what it has and takes nothing new."""
    STOPPED = "stopped"
    """It said goodbye."""


class Agent(Frozen):
    """A program on a customer's network, as last heard of."""

    name: AgentId
    group: GroupId
    created_at: datetime
    session: UUID | None = None
    seen_at: datetime | None = None
    version: str = ""
    slots: int = 0
    free_slots: int = 0
    spooled: int = 0
    dropped: int = 0
    announced: str | None = None
    """Names what it said of its connectors, which is long, and the same for many agents."""
    doing: tuple[str, ...] = ()
    protocol: int = 0
    """The version that it speaks; zero before it was heard."""
    stalled: float = 0
    """For how many seconds its loop had not moved when it was last heard."""
    draining: bool = False
    obeys: tuple[str, ...] = ()
    """The commands that it obeys besides those which every agent does."""
    certificates: tuple[CertificateEnd, ...] = ()
    """Those that it has seen, which end first."""

    def state(self, now: datetime) -> AgentState:
        """Whether it can be heard now, and would work."""
        if self.seen_at is None:
            return AgentState.EXPECTED
        if self.session is None:
            return AgentState.STOPPED
        if now - self.seen_at > SILENT_AFTER:
            return AgentState.SILENT
        if self.stalled > STALLED_AFTER.total_seconds():
            return AgentState.STALLED
        return AgentState.DRAINING if self.draining else AgentState.ONLINE


class Equipped(Agent):
    """An agent with what it said of its connectors."""

    connectors: tuple[ConnectorSpec, ...] = ()


NOT_REGISTERED: Final = "It is not registered here."


class Stranger(Frozen):
    """A program that calls itself an agent and cannot be answered as one."""

    name: AgentId
    why: str
    heard_at: datetime


class Trigger(StrEnum):
    """What opened a run."""

    SCHEDULE = "schedule"
    PERSON = "person"
    RETRY = "retry"
    """The run before it failed for a reason that may have passed."""


class Explaining(Frozen):
    """What makes a run one that explains."""

    preview: bool = False
    """It stops before the first write."""
    only: str | None = None
    """It is about the one record that this names."""

    @property
    def mode(self) -> Mode:
        """A preview shows the whole picture; one record is compared with Halo whatever is remembered of it."""
        return Mode.FULL if self.preview else Mode.RECONCILE


class RunProgress(Frozen):
    """How far a run's attempt is."""

    seq: int = 0
    """Of the event that said so: an older one that comes later says nothing new."""
    stage: Stage
    done: int
    total: int | None = None


class Run(Frozen):
    """One execution of an integration."""

    id: RunId
    tenant: TenantId
    integration: IntegrationName
    group: GroupId
    status: RunStatus
    trigger: Trigger
    reason: str
    """Why it was opened, in a sentence."""
    mode: Mode | None = None
    """How it reads; None for what changed, where that can be told."""
    attempt: int = 0
    fence: int = 0
    agent: AgentId | None = None
    session: UUID | None = None
    lease_until: datetime | None = None
    unheld_since: datetime | None = None
    """Since when its agent, though heard, no longer names it among what it holds."""
    deadline: datetime | None = None
    queued_at: datetime
    waits_for_turn: bool = False
    """Whether its job is not sent yet, since its tenant has its share of the hosted agents already."""
    offered_to: AgentId | None = None
    """The one agent that its job was sent to; None when it was sent to the group."""
    dispatched_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cancel_reason: str | None = None
    """Set from the moment that somebody asked for its end."""
    counts: Counts = Field(default_factory=dict)
    requests: int = 0
    progress: RunProgress | None = None
    failure: Failure | None = None
    held_for: tuple[Excess, ...] = ()
    approved: tuple[Approval, ...] = ()
    planned: Counts = Field(default_factory=dict)
    """What it would write, where it is held or is a preview."""
    preview: bool = False
    """It stops before the first write."""
    only: str | None = None
    """It is about the one record that this names."""
    traceparent: str | None = None
    """The span that opened it, where traces are sent: all that it causes stands below."""

    @property
    def whole(self) -> bool:
        """Whether its end says anything of the integration: a preview writes nothing, and one record is not all."""
        return not self.preview and self.only is None

    @property
    def ref(self) -> IntegrationRef:
        """Its integration."""
        return IntegrationRef(self.tenant, self.integration)


class Attempt(Frozen):
    """One try at a run."""

    number: int
    fence: int
    agent: AgentId
    granted_at: datetime
    ended_at: datetime | None = None
    end: str | None = None
    """How it ended: a status, or why it was lost."""


class Record(Frozen):
    """What became of one record in one attempt at a run."""

    id: int
    tenant: TenantId
    integration: IntegrationName
    run: RunId
    attempt: int
    at: datetime
    outcome: Outcome

    @property
    def ref(self) -> IntegrationRef:
        """Its integration."""
        return IntegrationRef(self.tenant, self.integration)
