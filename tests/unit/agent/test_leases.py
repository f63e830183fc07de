"""The right to work on a run, from asking for it to losing it."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from halo_agent import leases as module
from halo_agent.leases import RENEWALS_AWAITED, Lease, Leases
from halo_shared.errors import Cancelled, DeadlinePassed, LeaseLost
from halo_shared.messages.codec import unseal
from halo_shared.messages.commands import Cancel, LeaseGranted, LeaseRefused, LeasesRenewed, RenewedLease
from halo_shared.messages.requests import REQUESTS, HeldLease, LeaseRequest
from halo_shared.topology import EXCHANGES, REQUESTS_QUEUE
from halo_shared.transport.memory import MemoryTransport
from tests.support.builders import NOW, RUN_ID, SESSION
from tests.support.clock import ManualClock
from tests.support.engine import assignment

HELD = HeldLease(run=RUN_ID, fence=7)


@pytest.fixture
async def leases(transport: MemoryTransport, clock: ManualClock) -> Leases:
    await transport.declare(*EXCHANGES, REQUESTS_QUEUE)
    return Leases("one", SESSION, transport, clock)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The controller has a moment to answer."""
    monkeypatch.setattr(module, "ANSWER_WITHIN", 0.01)


async def request(transport: MemoryTransport) -> LeaseRequest:
    """The next request that the controller would find."""
    async with transport.consume(REQUESTS_QUEUE, prefetch=1) as deliveries:
        delivery = await anext(deliveries)
        await delivery.done()
    found = unseal(delivery.body, REQUESTS)
    assert isinstance(found, LeaseRequest)
    return found


def grant(ask: UUID, *, seconds: float = 60, fence: int = 7) -> LeaseGranted:
    return LeaseGranted(
        ask=ask,
        run=RUN_ID,
        fence=fence,
        attempt=1,
        lease_seconds=seconds,
        deadline=NOW + timedelta(hours=6),
        requests_per_minute=50,
        assignment=assignment(),
    )


async def held(leases: Leases, transport: MemoryTransport, *, seconds: float = 60) -> Lease:
    """A lease that was just granted."""
    asking = asyncio.create_task(leases.ask(RUN_ID))
    leases.answered(grant((await request(transport)).ask, seconds=seconds))
    lease = await asking
    assert isinstance(lease, Lease)
    return lease


def renewal(ask: UUID, *, seconds: float = 60, fence: int = 7, revoked: bool = False) -> LeasesRenewed:
    renewed = () if revoked else (RenewedLease(run=RUN_ID, fence=fence, lease_seconds=seconds),)
    return LeasesRenewed(session=SESSION, ask=ask, renewed=renewed, revoked=(RUN_ID,) if revoked else ())


async def test_a_clock_that_was_set_makes_no_deadline_of_a_lease_that_was_not_renewed(
    leases: Leases, transport: MemoryTransport
) -> None:
    asking = asyncio.create_task(leases.ask(RUN_ID))
    granted = grant((await request(transport)).ask, seconds=0)
    wrong = {"deadline": NOW - timedelta(hours=9), "deadline_seconds": 6 * 3600.0}
    leases.answered(granted.model_copy(update=wrong))
    lease = await asking
    assert isinstance(lease, Lease)
    await lease.over()
    assert isinstance(lease.why_ended, LeaseLost)


class TestAsking:
    async def test_a_granted_lease_is_held_and_allows_writing(
        self, leases: Leases, transport: MemoryTransport
    ) -> None:
        lease = await held(leases, transport)

        lease.check()
        assert lease.why_ended is None
        assert leases.held == (HELD,)

    async def test_a_refusal_is_handed_on_and_nothing_is_held(
        self, leases: Leases, transport: MemoryTransport
    ) -> None:
        asking = asyncio.create_task(leases.ask(RUN_ID))
        asked = await request(transport)
        refusal = LeaseRefused(ask=asked.ask, run=RUN_ID, code="LeasedElsewhere", message="Another has it.")
        leases.answered(refusal)

        assert await asking == refusal
        assert leases.held == ()

    @pytest.mark.usefixtures("impatient")
    async def test_without_an_answer_it_asks_again_under_a_new_ask_and_gives_up(
        self, leases: Leases, transport: MemoryTransport
    ) -> None:
        assert await leases.ask(RUN_ID) is None
        asked = [await request(transport) for _ in range(4)]

        assert await transport.depth(REQUESTS_QUEUE) == 0
        assert len({one.ask for one in asked}) == 4
        assert {(one.agent, one.session, one.run) for one in asked} == {("one", SESSION, RUN_ID)}

    @pytest.mark.usefixtures("impatient")
    async def test_a_late_answer_is_ignored(self, leases: Leases, transport: MemoryTransport) -> None:
        await leases.ask(RUN_ID)

        leases.answered(grant((await request(transport)).ask))

        assert leases.held == ()

    async def test_an_answer_that_comes_when_it_has_asked_again_counts_from_its_own_asking(
        self, leases: Leases, transport: MemoryTransport, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "ANSWER_WITHIN", 0.5)
        asking = asyncio.create_task(leases.ask(RUN_ID))
        first = await request(transport)
        clock.move(20)
        await request(transport)  # the second
        leases.answered(grant(first.ask, seconds=60))

        lease = await asking
        assert isinstance(lease, Lease)
        clock.move(41)
        with pytest.raises(LeaseLost):
            lease.check()

    async def test_a_repeated_answer_changes_nothing(
        self, leases: Leases, transport: MemoryTransport
    ) -> None:
        asking = asyncio.create_task(leases.ask(RUN_ID))
        ask = (await request(transport)).ask
        leases.answered(grant(ask))
        leases.answered(grant(ask, fence=8))

        assert isinstance(await asking, Lease)
        assert leases.held == (HELD,)

    async def test_without_a_broker_it_gives_up(self, clock: ManualClock) -> None:
        leases = Leases("one", SESSION, MemoryTransport(), clock)

        assert await leases.ask(RUN_ID) is None

    async def test_what_is_given_back_is_held_no_more(
        self, leases: Leases, transport: MemoryTransport
    ) -> None:
        await held(leases, transport)
        leases.give_back(RUN_ID)
        leases.give_back(RUN_ID)

        assert leases.held == ()


class TestExpiry:
    async def test_a_lease_is_counted_from_the_moment_of_asking(
        self, leases: Leases, transport: MemoryTransport, clock: ManualClock
    ) -> None:
        asking = asyncio.create_task(leases.ask(RUN_ID))
        asked = await request(transport)
        clock.move(20)  # the answer took its time
        leases.answered(grant(asked.ask, seconds=60))
        lease = await asking
        assert isinstance(lease, Lease)

        clock.move(40)
        lease.check()
        clock.move(0.1)
        with pytest.raises(LeaseLost, match="did not renew"):
            lease.check()

    async def test_past_the_deadline_the_reason_is_the_deadline(
        self, leases: Leases, transport: MemoryTransport, clock: ManualClock
    ) -> None:
        lease = await held(leases, transport, seconds=timedelta(hours=6).total_seconds())
        clock.move(timedelta(hours=6, seconds=1))

        with pytest.raises(
            DeadlinePassed, match=f"deadline, {NOW + timedelta(hours=6):%Y-%m-%d %H:%M:%S} UTC"
        ):
            lease.check()

    async def test_time_alone_ends_a_lease_and_a_renewal_puts_that_off(
        self, leases: Leases, transport: MemoryTransport, clock: ManualClock
    ) -> None:
        lease = await held(leases, transport, seconds=60)
        over = asyncio.create_task(lease.over())
        await clock.asleep()
        clock.move(50)
        leases.renewed(renewal(leases.ask_to_renew(), seconds=60))
        await clock.advance(50)
        assert not lease.ended.is_set()
        clock.move(11)
        await over

        assert isinstance(lease.why_ended, LeaseLost)

    async def test_a_renewal_is_counted_from_its_own_heartbeat_and_not_from_the_latest(
        self, leases: Leases, transport: MemoryTransport, clock: ManualClock
    ) -> None:
        lease = await held(leases, transport, seconds=60)
        clock.move(50)
        first = leases.ask_to_renew()
        clock.move(5)
        leases.ask_to_renew()  # its answer never comes

        leases.renewed(renewal(first, seconds=60))

        clock.move(54)  # 59 after the first
        lease.check()
        clock.move(2)
        with pytest.raises(LeaseLost):
            lease.check()

    async def test_a_renewal_brings_the_slice_of_the_budget_and_the_last_one_stands(
        self, leases: Leases, transport: MemoryTransport
    ) -> None:
        lease = await held(leases, transport)
        assert lease.requests_per_minute == 50

        cut = RenewedLease(run=RUN_ID, fence=7, lease_seconds=60, requests_per_minute=25)
        leases.renewed(LeasesRenewed(session=SESSION, ask=leases.ask_to_renew(), renewed=(cut,)))
        assert lease.requests_per_minute == 25

        leases.renewed(renewal(leases.ask_to_renew()))  # of a controller that says nothing of it
        assert lease.requests_per_minute == 25

    async def test_an_expired_lease_that_is_renewed_after_all_is_good_again(
        self, leases: Leases, transport: MemoryTransport, clock: ManualClock
    ) -> None:
        lease = await held(leases, transport, seconds=60)
        ask = leases.ask_to_renew()
        clock.move(61)
        leases.renewed(renewal(ask, seconds=120))

        lease.check()
        assert not lease.ended.is_set()

    @pytest.mark.parametrize("why", ["another fence", "an unknown heartbeat", "another run"])
    async def test_what_renews_something_else_renews_nothing(
        self, leases: Leases, transport: MemoryTransport, clock: ManualClock, why: str
    ) -> None:
        lease = await held(leases, transport, seconds=60)
        ask = leases.ask_to_renew()
        said = renewal(
            uuid4() if why == "an unknown heartbeat" else ask, fence=8 if why == "another fence" else 7
        )
        if why == "another run":
            leases.give_back(RUN_ID)
        leases.renewed(said)
        clock.move(61)

        with pytest.raises(LeaseLost):
            lease.check()

    async def test_heartbeats_that_nobody_answers_are_forgotten_in_the_end(
        self, leases: Leases, transport: MemoryTransport, clock: ManualClock
    ) -> None:
        lease = await held(leases, transport, seconds=60)
        oldest = leases.ask_to_renew()
        for _ in range(RENEWALS_AWAITED):
            leases.ask_to_renew()
        leases.renewed(renewal(oldest, seconds=9999))
        clock.move(61)

        with pytest.raises(LeaseLost):
            lease.check()


class TestEnding:
    async def test_a_revoked_lease_ends_at_once(self, leases: Leases, transport: MemoryTransport) -> None:
        lease = await held(leases, transport)

        leases.renewed(renewal(leases.ask_to_renew(), revoked=True))

        assert lease.ended.is_set()
        with pytest.raises(LeaseLost, match="given the run up"):
            lease.check()

    async def test_a_cancelled_run_ends_with_the_reason(
        self, leases: Leases, transport: MemoryTransport
    ) -> None:
        lease = await held(leases, transport)

        leases.cancel(Cancel(run=RUN_ID, reason="by an operator"))

        with pytest.raises(Cancelled, match="by an operator"):
            lease.check()

    async def test_the_first_reason_stands(self, leases: Leases, transport: MemoryTransport) -> None:
        lease = await held(leases, transport)

        leases.cancel(Cancel(run=RUN_ID, reason="by an operator"))
        leases.renewed(renewal(leases.ask_to_renew(), revoked=True))

        assert isinstance(lease.why_ended, Cancelled)

    async def test_a_cancel_right_behind_the_grant_is_not_lost(
        self, leases: Leases, transport: MemoryTransport
    ) -> None:
        asking = asyncio.create_task(leases.ask(RUN_ID))
        leases.answered(grant((await request(transport)).ask))
        leases.cancel(Cancel(run=RUN_ID, reason="by an operator"))
        lease = await asking

        assert isinstance(lease, Lease)
        assert lease.ended.is_set()

    async def test_words_on_runs_that_are_not_held_change_nothing(self, leases: Leases) -> None:
        leases.cancel(Cancel(run=RUN_ID, reason="by an operator"))
        leases.renewed(renewal(leases.ask_to_renew(), revoked=True))

        assert leases.held == ()
