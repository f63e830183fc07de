"""Who may work on a run: at most one agent at a time, proved by a growing fence. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from halo_controller.nouns import Agent, AgentState, Integration, Run
from halo_shared.messages.requests import HeldLease
from halo_shared.runs import RunStatus

LEASE: Final = timedelta(seconds=45)
"""How long a lease lasts in a group of several, unless a heartbeat renews it."""
MOST_ATTEMPTS: Final = 3
AGAIN_AFTER: Final = 1.0
"""Seconds for which an agent keeps the job that others of its group are to have."""
FIRST_CHOICE_FOR: Final = timedelta(seconds=3)
"""How long the agent that knows the integration best may take to ask for the lease."""
OFFER: Final = "offer"
"""The command that such an agent must obey."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The agent may start."""

    repeated: bool
    """It holds this lease already, and only our answer was lost."""
    lease_until: datetime
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Refusal:
    """The agent may not start."""

    code: str
    message: str
    again_after: float | None = None
    """Seconds after which the job is to be given back to the group; None when nobody needs it any more."""


def decide(
    run: Run | None,
    integration: Integration | None,
    agent: Agent,
    session: UUID,
    now: datetime,
    *,
    agents_in_group: int,
) -> Grant | Refusal:
    """Whether this agent may work on this run now."""
    if agent.session != session:
        why = f"Agent {agent.name} has not said hello in this session."
        return Refusal("SessionUnknown", why, AGAIN_AFTER)
    if run is None or integration is None:
        return Refusal("RunUnknown", "The controller knows no such run.")
    if run.status is RunStatus.RUNNING:
        return _while_running(run, agent, now)
    if run.status not in (RunStatus.QUEUED, RunStatus.DISPATCHED):
        return Refusal("RunNotWaiting", f"Run {run.id} is {run.status}; there is nothing to start.")
    if run.waits_for_turn:
        return Refusal("RunNotInTurn", f"Run {run.id} waits for its turn; its job is sent when that comes.")
    if agent.draining:
        why = f"Agent {agent.name} is drained; its group goes on without it."
        return Refusal("Draining", why, AGAIN_AFTER)
    if run.group != agent.group:
        why = f"Run {run.id} is for group {run.group}; {agent.name} is of {agent.group}."
        return Refusal("OtherGroup", why, AGAIN_AFTER)
    deadline = now + integration.spec.deadline
    return Grant(
        repeated=False,
        lease_until=lease_end(now, deadline, agents_in_group=agents_in_group),
        deadline=deadline,
    )


def is_first_choice(last: Agent, integration: Integration, busy: int, now: datetime) -> bool:
    """Whether the agent that made the attempt before, and has so many runs, is asked before its group.

    It holds the freshest links of the integration, and so asks Halo least.
    """
    fit = last.group == integration.spec.group and OFFER in last.obeys
    return fit and last.state(now) is AgentState.ONLINE and busy < last.slots


def lease_end(now: datetime, deadline: datetime, *, agents_in_group: int) -> datetime:
    """When a lease ends that is granted or renewed now.

    Where nobody else could take over, it holds to the deadline, so that an outage of the centre stops no sync.
    """
    return deadline if agents_in_group <= 1 else min(now + LEASE, deadline)


def budget_slice(requests_per_minute: int, attempts: int) -> int:
    """What one of so many attempts that run for a tenant may ask of its Halo in a minute."""
    return max(1, requests_per_minute // max(1, attempts))


def renewable(run: Run | None, held: HeldLease, agent: Agent, now: datetime) -> bool:
    """Whether the agent still has the right it says it has."""
    return (
        run is not None
        and run.status is RunStatus.RUNNING
        and run.agent == agent.name
        and run.fence == held.fence
        and run.deadline is not None
        and now < run.deadline
    )


def _while_running(run: Run, agent: Agent, now: datetime) -> Grant | Refusal:
    if run.agent == agent.name and run.session == agent.session and run.lease_until and run.deadline:
        if now >= run.lease_until:
            return Refusal("LeaseEnded", f"The lease of run {run.id} ended before it was asked for again.")
        return Grant(repeated=True, lease_until=run.lease_until, deadline=run.deadline)
    return Refusal("LeasedElsewhere", f"Agent {run.agent} works on run {run.id} (attempt {run.attempt}).")
