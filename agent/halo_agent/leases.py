"""The right to work on a run: asked for, kept, renewed, and lost."""

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from halo_shared import logs, telemetry
from halo_shared.clock import Clock
from halo_shared.errors import BrokerUnavailable, Cancelled, DeadlinePassed, LeaseLost, RunError, Unroutable
from halo_shared.messages.codec import seal
from halo_shared.messages.commands import Cancel, LeaseGranted, LeaseRefused, LeasesRenewed
from halo_shared.messages.requests import HeldLease, LeaseRequest
from halo_shared.topology import TO_CONTROLLER
from halo_shared.transport import Transport

log = logs.get(__name__)

ANSWER_WITHIN: Final = 5.0
"""Seconds to wait for an answer before asking again: the request may have been lost, and a late answer counts."""
ASK_TIMES: Final = 4
RENEWALS_AWAITED: Final = 20
"""Hellos and heartbeats whose answer may still come; of older ones it has expired in a queue."""


class Lease:
    """The right to work on one run under one fence. The engine asks it before every write."""

    def __init__(self, grant: LeaseGranted, *, asked_at: float, clock: Clock) -> None:
        self.grant = grant
        self._clock = clock
        self._until = asked_at + grant.lease_seconds
        self._deadline = asked_at + _seconds_left(grant, clock)
        self._ended: RunError | None = None
        self.requests_per_minute = grant.requests_per_minute
        """The attempt's slice of the tenant's request budget; the last one stands while nothing newer is heard."""
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
            raise self._ran_out()

    @property
    def why_ended(self) -> RunError | None:
        """The reason, once the right is gone for good."""
        return self._ended

    async def over(self) -> None:
        """Return when the right is gone for good: somebody ended it, or it ran out."""
        expiring = asyncio.create_task(self._expire())
        try:
            await self.ended.wait()
        finally:
            expiring.cancel()

    def renew(self, asked_at: float, seconds: float, requests_per_minute: int | None = None) -> None:
        """Count the lease anew from the moment at which its renewal was asked for, under the present slice."""
        self._until = asked_at + seconds
        if requests_per_minute is not None:
            self.requests_per_minute = requests_per_minute

    def end(self, why: RunError) -> None:
        """The right is gone; the first reason stands."""
        if self._ended is None:
            self._ended = why
            self.ended.set()

    async def _expire(self) -> None:
        while (left := self._until - self._clock.monotonic()) > 0:
            await self._clock.sleep(left)  # a renewal meanwhile moves the end
        self.end(self._ran_out())

    def _ran_out(self) -> RunError:
        # No lease reaches beyond the deadline; one that is counted from the asking ends a little before it.
        if self._until + ANSWER_WITHIN >= self._deadline:
            return DeadlinePassed(
                f"The run did not end by its deadline, {self.grant.deadline:%Y-%m-%d %H:%M:%S} UTC. "
                "Give the integration a longer 'deadline' if it needs one."
            )
        return LeaseLost("The controller did not renew the lease in time; another agent may have it now.")


def _seconds_left(grant: LeaseGranted, clock: Clock) -> float:
    """Until the deadline; by this machine's clock, which may be wrong, only where the controller does not say."""
    if grant.deadline_seconds is not None:
        return grant.deadline_seconds
    return (grant.deadline - clock.now()).total_seconds()


@dataclass(frozen=True, slots=True)
class _Ask:
    """A request for a lease that waits for its answer; several for one run wait for the first answer to any."""

    run: str
    at: float
    answer: "asyncio.Future[Lease | LeaseRefused]"


class Leases:
    """All leases this agent asks for and holds."""

    def __init__(self, agent: str, session: UUID, transport: Transport, clock: Clock) -> None:
        self._agent = agent
        self._session = session
        self._transport = transport
        self._clock = clock
        self._asks: dict[UUID, _Ask] = {}
        self._leases: dict[str, Lease] = {}
        self._renewals_asked_at: dict[UUID, float] = {}

    @property
    def held(self) -> tuple[HeldLease, ...]:
        """What a hello or heartbeat says of them."""
        return tuple(lease.held for lease in self._leases.values())

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._leases)

    async def ask(self, run: str) -> Lease | LeaseRefused | None:
        """The lease of a run, or its refusal; None when the controller gave no answer."""
        answer: asyncio.Future[Lease | LeaseRefused] = asyncio.get_running_loop().create_future()
        try:
            for _ in range(ASK_TIMES):
                await self._ask_once(_Ask(run, self._clock.monotonic(), answer))
                if answer.done():
                    return answer.result()
            return None
        finally:
            self._asks = {id_: ask for id_, ask in self._asks.items() if ask.answer is not answer}

    def give_back(self, run: str) -> None:
        """The attempt has said its last word."""
        self._leases.pop(run, None)

    def ask_to_renew(self) -> UUID:
        """The `ask` of a hello or heartbeat that goes out now: what it renews counts from here."""
        ask = uuid4()
        self._renewals_asked_at[ask] = self._clock.monotonic()
        if len(self._renewals_asked_at) > RENEWALS_AWAITED:
            del self._renewals_asked_at[next(iter(self._renewals_asked_at))]
        return ask

    def answered(self, answer: LeaseGranted | LeaseRefused) -> None:
        """An answer arrived; one that nobody waits for any more is of no use."""
        ask = self._asks.get(answer.ask)
        if ask is None or ask.answer.done():
            log.info("answer_too_late", run=answer.run, answer=answer.kind)
            return
        if isinstance(answer, LeaseRefused):
            ask.answer.set_result(answer)
            return
        # Held from here on, so that a cancel right behind the grant finds it.
        self._leases[ask.run] = Lease(answer, asked_at=ask.at, clock=self._clock)
        ask.answer.set_result(self._leases[ask.run])

    def renewed(self, renewal: LeasesRenewed) -> None:
        """Some leases end later, others are gone."""
        asked_at = self._renewals_asked_at.pop(renewal.ask, None)
        for one in renewal.renewed:
            lease = self._leases.get(one.run)
            if lease and lease.grant.fence == one.fence and asked_at is not None:
                lease.renew(asked_at, one.lease_seconds, one.requests_per_minute)
        for run in renewal.revoked:
            if run in self._leases:
                self._leases[run].end(LeaseLost("The controller has given the run up or to another agent."))

    def cancel(self, command: Cancel) -> None:
        """A person wants this run to end."""
        lease = self._leases.get(command.run)
        if lease:
            lease.end(Cancelled(f"Cancelled: {command.reason}."))

    async def _ask_once(self, ask: _Ask) -> None:
        """Ask, and return with the answer, or when it is time to ask again."""
        ask_id = uuid4()
        request = LeaseRequest(agent=self._agent, session=self._session, run=ask.run, ask=ask_id)
        self._asks[ask_id] = ask
        why = "no answer in time"
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                sealed = seal(request, message_id=str(ask_id), traceparent=telemetry.traceparent())
                await self._transport.publish(sealed, TO_CONTROLLER)
                await asyncio.wait({ask.answer})
        except (BrokerUnavailable, Unroutable) as error:
            why = error.message
        except TimeoutError:
            pass
        if not ask.answer.done():
            log.info("lease_unanswered", run=ask.run, why=why)
