"""Exchanges, queues and keys as data: declared by one loop, printed by `halo-controller topology`.

Queue kinds are chosen by measurement: classic durable queues for the many (one per group and agent),
because the database is the record of truth; quorum queues for the few whose messages must survive a node.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from halo_shared.messages.events import Event, Level

REDISPATCH_AFTER: Final = timedelta(minutes=5)
"""A job nobody took is dispatched again after this; the copy in the queue expires at the same time."""

REQUEST_LIFETIME: Final = timedelta(seconds=30)
"""A request older than this is not worth an answer: the agent has asked again."""


DECLARED_WITHIN: Final = timedelta(minutes=6)
"""The controller declares everything every five minutes: a queue that is missing for longer is nobody's."""


class ExchangeKind(StrEnum):
    """How an exchange routes."""

    DIRECT = "direct"
    TOPIC = "topic"
    FANOUT = "fanout"


class QueueKind(StrEnum):
    """How a queue keeps its messages."""

    CLASSIC = "classic"
    QUORUM = "quorum"
    OWN = "own"
    """A watcher's own: exclusive to its connection and gone with it."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Where messages are sent."""

    name: str
    kind: ExchangeKind
    carries: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where one message goes."""

    exchange: str
    key: str


@dataclass(frozen=True, slots=True)
class Queue:
    """Where messages wait."""

    name: str
    kind: QueueKind
    bindings: tuple[Address, ...]
    carries: str
    expires: timedelta | None = None
    """How long one message waits at the most; unread ones vanish without a trace after that."""
    longest: int | None = None
    """How many messages wait at the most; the oldest are dropped."""


JOBS: Final = Exchange("jobs", ExchangeKind.DIRECT, "jobs, competed for by the agents of a group")
AGENT: Final = Exchange("agent", ExchangeKind.DIRECT, "answers and commands to one agent")
REQUESTS: Final = Exchange("requests", ExchangeKind.DIRECT, "what agents ask: hello, lease, heartbeat")
EVENTS: Final = Exchange("events", ExchangeKind.TOPIC, "everything agents say of their runs")
BURIED: Final = Exchange("buried", ExchangeKind.FANOUT, "messages that could not be understood")

EXCHANGES: Final = (JOBS, AGENT, REQUESTS, EVENTS, BURIED)

REQUESTS_QUEUE: Final = Queue(
    "requests",
    QueueKind.CLASSIC,
    (Address(REQUESTS.name, "requests"),),
    "what agents ask of the controller",
    expires=REQUEST_LIFETIME,
)
EVENTS_QUEUE: Final = Queue(
    "events", QueueKind.QUORUM, (Address(EVENTS.name, "#"),), "events for the controller's inbox"
)
BURIED_QUEUE: Final = Queue(
    "buried",
    QueueKind.QUORUM,
    (Address(BURIED.name, ""),),
    "unreadable messages; above zero is an alarm",
)

FIXED_QUEUES: Final = (REQUESTS_QUEUE, EVENTS_QUEUE, BURIED_QUEUE)


def jobs_queue(group: str) -> Queue:
    """The queue whose messages the agents of this group compete for."""
    name = f"jobs.{group}"
    return Queue(
        name,
        QueueKind.CLASSIC,
        (Address(JOBS.name, group),),
        f"jobs for {group}",
        expires=REDISPATCH_AFTER,
    )


def agent_queue(agent: str) -> Queue:
    """One agent's own queue."""
    name = f"agent.{agent}"
    return Queue(
        name,
        QueueKind.CLASSIC,
        (Address(AGENT.name, agent),),
        f"answers and commands to {agent}",
        expires=REQUEST_LIFETIME,
    )


def to_group(group: str) -> Address:
    """Where a group's jobs are sent."""
    return Address(JOBS.name, group)


def to_agent(agent: str) -> Address:
    """Where an agent's commands are sent."""
    return Address(AGENT.name, agent)


TO_CONTROLLER: Final = Address(REQUESTS.name, "requests")


def to_monitors(event: Event) -> Address:
    """Where an event is sent: `<tenant>.<integration>.<kind>.<level>`."""
    origin = event.origin
    return Address(EVENTS.name, f"{origin.tenant}.{origin.integration}.{event.kind}.{event.level}")


def monitor_queue(
    name: str,
    *,
    tenant: str = "*",
    integration: str = "*",
    kind: str = "*",
    level: Level = Level.DEBUG,
) -> Queue:
    """A watcher's own queue, bound to what it wants to hear; `*` stands for all."""
    keys = (f"{tenant}.{integration}.{kind}.{loud}" for loud in level.and_louder)
    return Queue(
        name,
        QueueKind.OWN,
        tuple(Address(EVENTS.name, key) for key in keys),
        "events for one watcher",
        longest=100_000,
    )
