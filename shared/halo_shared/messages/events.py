"""Events: what an agent (or the controller itself) says of a run, for everyone who binds a queue."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter

from halo_shared.entities import EntityKind
from halo_shared.identifiers import AgentId, IntegrationName, RunId, Slug, TenantId
from halo_shared.messages.base import Failure, Message
from halo_shared.outcomes import Outcome
from halo_shared.runs import Counts, Cursors, Excess, Frozen, Mode, RunStatus

RecordOutcome = Literal["failed", "skipped"]
"""Failed: it was tried in vain. Skipped: it is left alone for a reason that wants somebody's eye."""

FinalStatus = Literal[
    RunStatus.SUCCEEDED, RunStatus.PARTIAL, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.HELD
]
"""What an agent may say of an attempt's end."""


class Level(StrEnum):
    """How loud an event is; from quiet to loud."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def and_louder(self) -> tuple["Level", ...]:
        """This level and all above it."""
        order = tuple(Level)
        return order[order.index(self) :]


class Direction(StrEnum):
    """Which way the data of a run flows."""

    INCOMING = "incoming"
    """From a tool to Halo."""
    OUTGOING = "outgoing"
    """From Halo to a tool."""


class Origin(Frozen):
    """Who speaks, about which run, and in which order: what makes a repeat or a stale word harmless."""

    tenant: TenantId
    integration: IntegrationName
    run: RunId
    fence: int = 0
    """Zero when the controller itself speaks."""
    agent: AgentId | None = None
    direction: Direction = Direction.INCOMING


class EventBase(Message):
    """What every event says of itself."""

    id: UUID
    at: datetime
    origin: Origin
    seq: int
    """Grows by one with each event of an attempt."""
    level: Level
    text: str
    """One sentence for people."""


class Started(EventBase):
    """An attempt began."""

    kind: Literal["started"] = "started"
    connector: Slug
    mode: Mode
    attempt: int


class Stage(StrEnum):
    """Where in the sync an attempt is."""

    CONNECT = "connect"
    READ = "read"
    MATCH = "match"
    PLAN = "plan"
    APPLY = "apply"
    COMMIT = "commit"


class Progress(EventBase):
    """How far an attempt is."""

    kind: Literal["progress"] = "progress"
    stage: Stage
    done: int
    total: int | None = None
    counts: Counts = Field(default_factory=dict)


class RecordEvent(EventBase):
    """What happened to one record that needs somebody's eye."""

    kind: Literal["record"] = "record"
    entity: EntityKind
    source_id: str
    name: str
    outcome: RecordOutcome
    failure: Failure


class Outcomes(EventBase):
    """What became of some records, many in one message; said only to a controller that asked for it."""

    kind: Literal["outcomes"] = "outcomes"
    attempt: int
    outcomes: tuple[Outcome, ...]


class Logged(EventBase):
    """A line for the run's log."""

    kind: Literal["log"] = "log"
    step: str = ""
    """Which step of the sync it tells of, where a run of one record is traced."""


class Finished(EventBase):
    """An attempt ended, or waits for a person; the last word under its fence."""

    kind: Literal["finished"] = "finished"
    status: FinalStatus
    counts: Counts = Field(default_factory=dict)
    requests: int = 0
    """Requests made to Halo."""
    failure: Failure | None = None
    held_for: tuple[Excess, ...] = ()
    """The limits that the plan exceeds."""
    planned: Counts = Field(default_factory=dict)
    """What a held run or a preview would write."""
    cursors: Cursors = Field(default_factory=dict)
    """Where the next read starts; empty when it starts where this one did."""
    escrowed: int | None = None
    """Records that failed, which the agent keeps and tries again in later runs; None when it does not know."""


class StatusChanged(EventBase):
    """The controller moved a run without an agent's word: queued it, lost it, took it back."""

    kind: Literal["status"] = "status"
    status: RunStatus
    failure: Failure | None = None


Event = Annotated[
    Started | Progress | RecordEvent | Outcomes | Logged | Finished | StatusChanged,
    Field(discriminator="kind"),
]
EVENTS: TypeAdapter[Event] = TypeAdapter(Event)
