"""The right to work on a run: asked for, kept, renewed, and lost."""

import asyncio
from typing import Final
from uuid import UUID, uuid4

from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.errors import BrokerUnavailable, Cancelled, LeaseLost, RunError, Unroutable
from halo_shared.messages.codec import seal
from halo_shared.messages.commands import Cancel, LeaseGranted, LeaseRefused, LeasesRenewed
from halo_shared.messages.requests import HeldLease, LeaseRequest
from halo_shared.topology import TO_CONTROLLER
from halo_shared.transport import Transport

log = logs.get(__name__)

ANSWER_WITHIN: Final = 5.0
"""Seconds to wait for an answer before asking again: the request may have been lost."""
ASK_TIMES: Final = 4


class Lease:
    """The right to work on one run under one fence. The engine asks it before every write."""

    def __init__(self, grant: LeaseGranted, *, asked_at: float, clock: Clock) -> None:
        self.grant = grant
        self._clock = clock
        self._until = asked_at + grant.lease_seconds
        self._ended: RunError | None = None
        self.ended = asyncio.Event()
        """Set when the right is gone for good."""

    @property
    def held(self) -> HeldLease:
        """What a heartbeat says of it."""
        return HeldLease(run=self.grant.run, fence=self.grant.fence)

    def check(self) -> None:
        """Return while writing is allowed; raises LeaseLost or Cancelled once it is not."""
        if self._ended:
            raise self._ended
        if self._clock.monotonic() > self._until:
            raise LeaseLost("The controller did not renew the lease in time; another agent may have it now.")

    @property
    def why_ended(self) -> RunError | None:
        """The reason, once the right is gone for good."""
        return self._ended

    def renew(self, asked_at: float, seconds: float) -> None:
        """Count the lease anew from the moment at which its renewal was asked for."""
        self._until = asked_at + seconds

    def end(self, why: RunError) -> None:
        """The right is gone; the first reason stands."""
        if self._ended is None:
            self._ended = why
            self.ended.set()


Answer = LeaseGranted | LeaseRefused


class Leases:
    """All leases this agent asks for and holds."""

    def __init__(self, agent: str, session: UUID, transport: Transport, clock: Clock) -> None:
        self._agent = agent
        self._session = session
        self._transport = transport
        self._clock = clock
        self._asks: dict[UUID, asyncio.Future[Answer]] = {}
        self._leases: dict[str, Lease] = {}
        self._renewal_asked_at = clock.monotonic()

    @property
    def held(self) -> tuple[HeldLease, ...]:
        """What a hello or heartbeat says of them."""
        return tuple(lease.held for lease in self._leases.values())

    async def ask(self, run: str) -> Lease | LeaseRefused | None:
        """The lease of a run, or its refusal; None when the controller gave no answer."""
        for _ in range(ASK_TIMES):
            asked_at = self._clock.monotonic()
            match await self._ask_once(run):
                case LeaseGranted() as grant:
                    lease = Lease(grant, asked_at=asked_at, clock=self._clock)
                    self._leases[run] = lease
                    return lease
                case LeaseRefused() as refusal:
                    return refusal
        return None

    def give_back(self, run: str) -> None:
        """The attempt has said its last word."""
        self._leases.pop(run, None)

    def renewing(self) -> None:
        """A heartbeat goes out now: what it renews counts from here."""
        self._renewal_asked_at = self._clock.monotonic()

    def answered(self, answer: Answer) -> None:
        """An answer arrived; one that nobody waits for any more is of no use."""
        waiting = self._asks.get(answer.ask)
        if waiting and not waiting.done():
            waiting.set_result(answer)

    def renewed(self, renewal: LeasesRenewed) -> None:
        """Some leases end later, others are gone."""
        for one in renewal.renewed:
            lease = self._leases.get(one.run)
            if lease and lease.grant.fence == one.fence:
                lease.renew(self._renewal_asked_at, one.lease_seconds)
        for run in renewal.revoked:
            if run in self._leases:
                self._leases[run].end(LeaseLost("The controller has given the run up or to another agent."))

    def cancel(self, command: Cancel) -> None:
        """A person wants this run to end."""
        lease = self._leases.get(command.run)
        if lease:
            lease.end(Cancelled(f"Cancelled: {command.reason}."))

    async def _ask_once(self, run: str) -> Answer | None:
        request = LeaseRequest(agent=self._agent, session=self._session, run=run, ask=uuid4())
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asks[request.ask] = answer
        try:
            await self._transport.publish(seal(request, message_id=str(request.ask)), TO_CONTROLLER)
            async with asyncio.timeout(ANSWER_WITHIN):
                return await answer
        except (BrokerUnavailable, Unroutable, TimeoutError) as error:
            log.info("lease_unanswered", run=run, why=str(error) or "no answer in time")
            return None
        finally:
            del self._asks[request.ask]
