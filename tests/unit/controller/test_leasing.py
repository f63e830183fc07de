"""Who gets a lease, for how long, and who may keep it."""

from datetime import timedelta

import pytest

from halo_controller.leasing import (
    AGAIN_AFTER,
    LEASE,
    Grant,
    Refusal,
    budget_slice,
    decide,
    is_first_choice,
    lease_end,
    renewable,
)
from halo_controller.nouns import Agent, Run
from halo_shared.messages.requests import HeldLease
from halo_shared.runs import RunStatus
from tests.support.builders import NOW, OTHER_SESSION, RUN_ID, SESSION, integration_spec
from tests.support.nouns import agent, integration, run, running

HOUR = timedelta(hours=1)
AN_HOUR = integration(integration_spec(deadline=HOUR))
ONE = agent("one")


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.DISPATCHED])
def test_a_waiting_run_is_granted(status: RunStatus) -> None:
    assert decide(run(status), AN_HOUR, ONE, SESSION, NOW, agents_in_group=2) == Grant(
        repeated=False, lease_until=NOW + LEASE, deadline=NOW + HOUR
    )


def test_who_competes_with_nobody_keeps_the_lease_to_the_deadline() -> None:
    assert decide(run(), AN_HOUR, ONE, SESSION, NOW, agents_in_group=1) == Grant(
        repeated=False, lease_until=NOW + HOUR, deadline=NOW + HOUR
    )


def test_the_holder_that_missed_the_answer_gets_the_same_lease_again() -> None:
    held = running()

    assert decide(held, AN_HOUR, ONE, SESSION, NOW + timedelta(seconds=44), agents_in_group=2) == Grant(
        repeated=True, lease_until=NOW + LEASE, deadline=NOW + timedelta(hours=6)
    )


@pytest.mark.parametrize(
    ("of", "asks", "code", "message"),
    [
        (None, ONE, "RunUnknown", "The controller knows no such run."),
        (running(), agent("two"), "LeasedElsewhere", f"Agent one works on run {RUN_ID} (attempt 1)."),
        (running(session=OTHER_SESSION), ONE, "LeasedElsewhere", f"Agent one works on run {RUN_ID} (attempt 1)."),
        (running(lease_until=NOW), ONE, "LeaseEnded", f"The lease of run {RUN_ID} ended before it was asked for again."),
        (run(waits_for_turn=True), ONE, "RunNotInTurn", f"Run {RUN_ID} waits for its turn; its job is sent when that comes."),
        (run(RunStatus.HELD), ONE, "RunNotWaiting", f"Run {RUN_ID} is held; there is nothing to start."),
        (run(RunStatus.SUCCEEDED), ONE, "RunNotWaiting", f"Run {RUN_ID} is succeeded; there is nothing to start."),
        (run(RunStatus.PARTIAL), ONE, "RunNotWaiting", f"Run {RUN_ID} is partial; there is nothing to start."),
        (run(RunStatus.FAILED), ONE, "RunNotWaiting", f"Run {RUN_ID} is failed; there is nothing to start."),
        (run(RunStatus.CANCELLED), ONE, "RunNotWaiting", f"Run {RUN_ID} is cancelled; there is nothing to start."),
        (run(RunStatus.LOST), ONE, "RunNotWaiting", f"Run {RUN_ID} is lost; there is nothing to start."),
    ],
)  # fmt: skip
def test_what_is_refused(of: Run | None, asks: Agent, code: str, message: str) -> None:
    known = AN_HOUR if of else None

    assert decide(of, known, asks, SESSION, NOW, agents_in_group=2) == Refusal(code, message)


@pytest.mark.parametrize(
    ("asks", "code", "message"),
    [
        (agent("one", group="other"), "OtherGroup", f"Run {RUN_ID} is for group site; one is of other."),
        (agent("one", session=None), "SessionUnknown", "Agent one has not said hello in this session."),
        (agent("one", session=OTHER_SESSION), "SessionUnknown", "Agent one has not said hello in this session."),
        (agent("one", draining=True), "Draining", "Agent one is drained; its group goes on without it."),
    ],
)  # fmt: skip
def test_a_run_that_others_can_do_is_left_to_them(asks: Agent, code: str, message: str) -> None:
    refused = decide(run(), AN_HOUR, asks, SESSION, NOW, agents_in_group=2)

    assert refused == Refusal(code, message, again_after=AGAIN_AFTER)


@pytest.mark.parametrize(
    ("until_deadline", "agents", "lasts"),
    [
        (HOUR, 0, HOUR),
        (HOUR, 1, HOUR),
        (HOUR, 2, LEASE),
        (HOUR, 9, LEASE),
        (timedelta(seconds=10), 2, timedelta(seconds=10)),
        (timedelta(seconds=10), 1, timedelta(seconds=10)),
    ],
)
def test_how_long_a_lease_lasts(until_deadline: timedelta, agents: int, lasts: timedelta) -> None:
    assert lease_end(NOW, NOW + until_deadline, agents_in_group=agents) == NOW + lasts


HELD = HeldLease(run=RUN_ID, fence=1)
DEADLINE = timedelta(hours=6)


@pytest.mark.parametrize(
    ("of", "held", "asks", "after", "may_go_on"),
    [
        (running(), HELD, ONE, timedelta(), True),
        (running(), HELD, ONE, timedelta(minutes=5), True),  # late, but nobody else has it yet
        (running(session=OTHER_SESSION), HELD, ONE, timedelta(), True),  # the same process, after a hello
        (running(), HELD, ONE, DEADLINE - timedelta(seconds=1), True),
        (running(), HELD, ONE, DEADLINE, False),
        (running(deadline=None), HELD, ONE, timedelta(), False),
        (running(fence=2), HELD, ONE, timedelta(), False),
        (running(), HELD, agent("two"), timedelta(), False),
        (running().model_copy(update={"status": RunStatus.HELD}), HELD, ONE, timedelta(), False),
        (running().model_copy(update={"status": RunStatus.SUCCEEDED}), HELD, ONE, timedelta(), False),
        (run(), HELD, ONE, timedelta(), False),
        (None, HELD, ONE, timedelta(), False),
    ],
)
def test_who_may_keep_a_lease(
    of: Run | None, held: HeldLease, asks: Agent, after: timedelta, may_go_on: bool
) -> None:
    assert renewable(of, held, asks, NOW + after) is may_go_on


class TestBudgetSlice:
    @pytest.mark.parametrize(
        ("total", "attempts", "each"), [(50, 1, 50), (50, 2, 25), (50, 3, 16), (2, 5, 1), (50, 0, 50)]
    )
    def test_attempts_share_what_halo_allows(self, total: int, attempts: int, each: int) -> None:
        assert budget_slice(total, attempts) == each


OBEYS = agent(obeys=("offer",))


@pytest.mark.parametrize(
    ("last", "busy", "is_asked_first"),
    [
        (OBEYS, 0, True),
        (OBEYS, 1, True),
        (OBEYS, 2, False),  # it has no slot free
        (agent(), 0, False),  # it would not know what is said to it
        (OBEYS.model_copy(update={"group": "other"}), 0, False),
        (OBEYS.model_copy(update={"draining": True}), 0, False),
        (OBEYS.model_copy(update={"stalled": 60}), 0, False),
        (OBEYS.model_copy(update={"seen_at": NOW - timedelta(minutes=1)}), 0, False),
        (OBEYS.model_copy(update={"session": None}), 0, False),
    ],
)
def test_whether_the_agent_that_knows_it_best_is_asked_first(
    last: Agent, busy: int, is_asked_first: bool
) -> None:
    assert is_first_choice(last, AN_HOUR, busy, NOW) is is_asked_first
