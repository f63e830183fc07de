"""Requests: what an agent asks of the controller, to be answered on the agent's own queue.

They are not spooled: an answer that comes too late is worthless, so a request is simply made again.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter

from halo_shared.certificates import CertificateEnd
from halo_shared.entities import EntityKind
from halo_shared.identifiers import AgentId, RunId, Slug, TenantId
from halo_shared.integrators import Integrator
from halo_shared.mapping import EntityMapping
from halo_shared.messages.base import Failure, Message
from halo_shared.runs import Frozen


class ConnectorSpec(Frozen):
    """What an agent says of a connector it has, so that the centre needs to know none."""

    name: Slug
    title: str
    entities: tuple[EntityKind, ...]
    settings_schema: dict[str, Any]  # Any: a JSON schema
    mapping: dict[EntityKind, EntityMapping] = Field(default_factory=dict)
    """How its records are written where an integration does not say otherwise."""
    kinds: tuple[Integrator, ...] = (Integrator.LOCAL,)
    """What it may run as."""
    chooses_entities: bool = True
    """Whether it can leave out what an integration does not ask for; one that cannot is never hosted."""
    set_up: tuple[str, ...] = ()
    """What an administrator does in the tool before the first run, step by step."""


class HeldLease(Frozen):
    """A run an agent is working on, and the fence that proves its right to."""

    run: RunId
    fence: int


class Hello(Message):
    """I have started (or the broker came back): this is what I am and what I hold."""

    kind: Literal["hello"] = "hello"
    agent: AgentId
    session: UUID
    """Made anew by each process, so that a restart is told from a reconnection."""
    ask: UUID
    """Made anew each time it is said and echoed by the renewal, which counts from that moment."""
    version: str
    slots: int
    connectors: tuple[ConnectorSpec, ...]
    held: tuple[HeldLease, ...] = ()
    spooled: int = 0
    """Events that wait on the agent for the broker, those of the process before among them."""
    obeys: tuple[str, ...] = ()
    """The commands that it obeys besides those which every agent does."""


class Heartbeat(Message):
    """I am alive and still hold these; please renew them."""

    kind: Literal["heartbeat"] = "heartbeat"
    agent: AgentId
    session: UUID
    ask: UUID
    """As in `Hello`."""
    held: tuple[HeldLease, ...] = ()
    free_slots: int = 0
    spooled: int = 0
    """Events that wait on the agent for the broker."""
    dropped: int = 0
    """Events that were given up since the agent started: the spool was full, or the broker never takes them."""
    doing: tuple[str, ...] = ()
    """One line per loop: what it does at this moment."""
    stalled: float = 0
    """For how many seconds the agent's own loop has not moved; then it is its deputy that speaks."""
    certificates: tuple[CertificateEnd, ...] = ()
    """Those that it has seen of others or shows itself, which end first."""


class LeaseRequest(Message):
    """I took the job of this run; may I start?"""

    kind: Literal["lease_request"] = "lease_request"
    agent: AgentId
    session: UUID
    run: RunId
    ask: UUID
    """Echoed by the answer, so that a late one is told from the one waited for."""


class Goodbye(Message):
    """The process of this session is no more, or will not work again. Since version 2."""

    kind: Literal["goodbye"] = "goodbye"
    agent: AgentId
    session: UUID


class Echo(Message):
    """What the controller says to itself: only while it hears this does silence mean anything. Since version 2."""

    kind: Literal["echo"] = "echo"
    id: UUID


class Step(Frozen):
    """One stage of entering Halo that succeeded, and what it showed."""

    stage: str
    found: str


class Right(Frozen):
    """Something that must be done in Halo for an entity, and what keeps the application from it."""

    entity: EntityKind
    access: Literal["read", "write"]
    path: str
    missing: str = ""
    """Why it is not allowed, in words; empty when it is."""


class HaloChecked(Message):
    """What came of trying to enter a tenant's Halo: the answer to `check_halo`."""

    kind: Literal["halo_checked"] = "halo_checked"
    agent: AgentId
    session: UUID
    ask: UUID
    tenant: TenantId
    steps: tuple[Step, ...] = ()
    """Those that succeeded, in their order."""
    rights: tuple[Right, ...] = ()
    failure: Failure | None = None
    """What kept the next step from succeeding."""


Request = Annotated[
    Hello | Heartbeat | LeaseRequest | Goodbye | HaloChecked | Echo, Field(discriminator="kind")
]
REQUESTS: TypeAdapter[Request] = TypeAdapter(Request)
