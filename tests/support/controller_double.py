"""A controller as an agent meets it: it speaks the protocol over a transport and does as a test says."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from halo_shared.messages.codec import seal
from halo_shared.messages.commands import (
    Assignment,
    Cancel,
    Command,
    LeaseGranted,
    LeaseRefused,
    LeasesRenewed,
    Offer,
    Rejected,
    RenewedLease,
    Welcome,
)
from halo_shared.messages.events import EVENTS, Event, Finished
from halo_shared.messages.jobs import SyncJob
from halo_shared.messages.requests import REQUESTS, Heartbeat, Hello, LeaseRequest, Request
from halo_shared.topology import (
    EVENTS_QUEUE,
    EXCHANGES,
    FIXED_QUEUES,
    REQUESTS_QUEUE,
    agent_queue,
    jobs_queue,
    to_agent,
    to_group,
)
from halo_shared.transport import Transport
from halo_shared.transport.consuming import serve_batches
from tests.support.builders import NOW, REF
from tests.support.engine import assignment

GROUP = "site"


@dataclass(slots=True)
class ControllerDouble:
    """What it heard, and how it answers."""

    transport: Transport
    assigned: Assignment = field(default_factory=assignment)
    lease_seconds: float = 60
    heartbeat_seconds: float = 0.05
    answers: bool = True
    """Whether it says anything at all."""
    refused: set[str] = field(default_factory=set)
    """Runs whose lease it refuses."""
    refused_for_another: set[str] = field(default_factory=set)
    """Runs that it wants another agent to have."""
    draining: bool = False
    """Whether it wants agents to take nothing new."""
    revoked: set[str] = field(default_factory=set)
    """Runs that it renews no more."""
    hellos: list[Hello] = field(default_factory=list)
    heartbeats: list[Heartbeat] = field(default_factory=list)
    asked: list[LeaseRequest] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    sessions: set[UUID] = field(default_factory=set)
    fence: int = 0

    async def declare(self, agents: Iterable[str]) -> None:
        """The topology for these agents of one group."""
        queues = [jobs_queue(GROUP), *(agent_queue(name) for name in agents)]
        await self.transport.declare(*EXCHANGES, *FIXED_QUEUES, *queues)

    async def dispatch(self, run: str) -> None:
        """Put the job of a run into the group's queue."""
        job = SyncJob(run=run, tenant=REF.tenant, integration=REF.name, connector="ldap", queued_at=NOW)
        await self.transport.publish(seal(job, message_id=str(uuid4())), to_group(GROUP))

    async def offer(self, run: str) -> None:
        """Ask the agent before its group."""
        await self.tell(Offer(run=run))

    async def tell(self, command: Command, agent: str = "one") -> None:
        """Say this to an agent."""
        await self.transport.publish(seal(command, message_id=str(uuid4())), to_agent(agent))

    async def cancel(self, run: str, reason: str = "by an operator") -> None:
        """Ask the agent to stop this run."""
        await self.tell(Cancel(run=run, reason=reason))

    def finished(self, run: str) -> Finished | None:
        """The last word on a run, if it was said."""
        said = [e for e in self.events if isinstance(e, Finished) and e.origin.run == run]
        return said[-1] if said else None

    def grant(self, request: LeaseRequest, fence: int) -> LeaseGranted:
        """The lease that was asked for."""
        return LeaseGranted(
            ask=request.ask,
            run=request.run,
            fence=fence,
            previous_fence=fence - 1,
            attempt=1,
            lease_seconds=self.lease_seconds,
            deadline=datetime.now(UTC) + timedelta(hours=6),
            requests_per_minute=6000,
            assignment=self.assigned,
        )

    async def answer(self, *requests: Request) -> None:
        """Note the requests and say what there is to say to each."""
        for request in requests:
            await self._answer(request)

    async def _answer(self, request: Request) -> None:
        match request:
            case Hello():
                self.hellos.append(request)
                self.sessions.add(request.session)
                welcome = Welcome(
                    session=request.session, group=GROUP, heartbeat_seconds=self.heartbeat_seconds
                )
                await self._say(welcome, request.agent)
                await self._say(self._renewal(request), request.agent)
            case Heartbeat() if request.session not in self.sessions:
                unknown = Rejected(session=request.session, code="SayHello", message="Say hello first.")
                await self._say(unknown, request.agent)
            case Heartbeat():
                self.heartbeats.append(request)
                await self._say(self._renewal(request), request.agent)
            case LeaseRequest():
                self.asked.append(request)
                await self._say(self._decide(request), request.agent)

    async def hear(self, *events: Event) -> None:
        """Note what an agent says."""
        self.events.extend(events)

    def _decide(self, request: LeaseRequest) -> LeaseGranted | LeaseRefused:
        if request.run in self.refused:
            return LeaseRefused(
                ask=request.ask, run=request.run, code="RunNotWaiting", message="There is nothing to start."
            )
        if request.run in self.refused_for_another:
            self.refused_for_another.remove(request.run)
            return LeaseRefused(
                ask=request.ask, run=request.run, code="Draining", message="Not you.", again_after=0.05
            )
        self.fence += 1
        return self.grant(request, self.fence)

    def _renewal(self, request: Hello | Heartbeat) -> LeasesRenewed:
        renewed = [
            RenewedLease(run=one.run, fence=one.fence, lease_seconds=self.lease_seconds)
            for one in request.held
            if one.run not in self.revoked
        ]
        revoked = [one.run for one in request.held if one.run in self.revoked]
        return LeasesRenewed(
            session=request.session,
            ask=request.ask,
            renewed=tuple(renewed),
            revoked=tuple(revoked),
            drain=self.draining,
        )

    async def _say(self, command: Command, agent: str) -> None:
        if self.answers:
            await self.tell(command, agent)


@asynccontextmanager
async def controlling(transport: Transport, *agents: str) -> AsyncIterator[ControllerDouble]:
    """A controller that knows these agents, at work until the block ends."""
    controller = ControllerDouble(transport)
    await controller.declare(agents)
    async with asyncio.TaskGroup() as loops:
        tasks = [
            loops.create_task(
                serve_batches(transport, REQUESTS_QUEUE, REQUESTS, controller.answer, prefetch=10)
            ),
            loops.create_task(serve_batches(transport, EVENTS_QUEUE, EVENTS, controller.hear, prefetch=10)),
        ]
        yield controller
        for task in tasks:
            task.cancel()
