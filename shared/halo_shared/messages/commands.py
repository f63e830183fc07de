"""Commands: what the controller says to one agent, on the agent's own queue."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter

from halo_shared.identifiers import GroupId, RunId, TenantId
from halo_shared.integrations import HaloConnection, IntegrationSpec
from halo_shared.messages.base import Message
from halo_shared.outcomes import History
from halo_shared.runs import Approval, Cursors, Frozen, Mode


class Welcome(Message):
    """You are known; compete for this group's jobs and say that you live this often."""

    kind: Literal["welcome"] = "welcome"
    session: UUID
    group: GroupId
    heartbeat_seconds: float
    drain: bool = False
    """Finish what you hold, and take nothing new."""


class Rejected(Message):
    """You can't work here, and why."""

    kind: Literal["rejected"] = "rejected"
    session: UUID | None
    code: str
    message: str


class Assignment(Frozen):
    """All an attempt needs to know; secrets only by reference."""

    tenant: TenantId
    halo: HaloConnection
    integration: IntegrationSpec
    mode: Mode
    cursors: Cursors = Field(default_factory=dict)
    escrowed: int = 0
    """Records that failed and that the agent of the run before keeps; one that does not have them reads everything."""
    approved: tuple[Approval, ...] = ()
    history: History = History.OFF
    """The outcomes that the controller wants to hear of; one that knows none asks for none."""
    preview: bool = False
    """Stop before the first write, and tell what would be written."""
    only: str | None = None
    """Only the record with this id, name or recognising value, told step by step; nothing is retired by absence."""


class LeaseGranted(Message):
    """Start: until the lease ends nobody else may, and this is what to do."""

    kind: Literal["lease_granted"] = "lease_granted"
    ask: UUID
    run: RunId
    fence: int
    """Grows with every grant for an integration: words under an older fence change nothing."""
    previous_fence: int = 0
    """The fence of the attempt before this one, whoever made it: an agent that did not make it knows less than Halo."""
    attempt: int
    lease_seconds: float
    """Counted from the moment of asking, on the agent's monotonic clock."""
    deadline: datetime
    deadline_seconds: float | None = None
    """Until the deadline, counted as `lease_seconds`; None from a controller that tells only the hour."""
    requests_per_minute: int
    """This attempt's slice of the tenant's request budget."""
    assignment: Assignment


class LeaseRefused(Message):
    """Do not start, and why."""

    kind: Literal["lease_refused"] = "lease_refused"
    ask: UUID
    run: RunId
    code: str
    message: str
    again_after: float | None = None
    """Give the job back to the group after so many seconds; None when it is of no use to anybody. Since version 2."""


class RenewedLease(Frozen):
    """A lease that now ends later."""

    run: RunId
    fence: int
    lease_seconds: float
    requests_per_minute: int | None = None
    """This attempt's slice of the tenant's request budget from now on; None from a controller that cuts it once."""


class LeasesRenewed(Message):
    """Answer to a hello or heartbeat: these go on, those are no longer yours."""

    kind: Literal["leases_renewed"] = "leases_renewed"
    session: UUID
    ask: UUID
    """Of the hello or heartbeat that this answers: a renewal counts from the moment at which that one was sent."""
    renewed: tuple[RenewedLease, ...] = ()
    revoked: tuple[RunId, ...] = ()
    drain: bool = False
    """As in `Welcome`, as it is wished now."""


class Cancel(Message):
    """Stop this run; write nothing more."""

    kind: Literal["cancel"] = "cancel"
    run: RunId
    reason: str


class Offer(Message):
    """This run is yours if you take it: ask for its lease. For an agent that said it obeys this.

    One that cannot take it lets it be, and the run goes to its group.
    """

    kind: Literal["offer"] = "offer"
    run: RunId


class CheckHalo(Message):
    """Try to enter this Halo, and tell what you may do there; write nothing. For an agent that said it obeys this."""

    kind: Literal["check_halo"] = "check_halo"
    ask: UUID
    tenant: TenantId
    halo: HaloConnection


Command = Annotated[
    Welcome | Rejected | LeaseGranted | LeaseRefused | LeasesRenewed | Cancel | Offer | CheckHalo,
    Field(discriminator="kind"),
]
COMMANDS: TypeAdapter[Command] = TypeAdapter(Command)
