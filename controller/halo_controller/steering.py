"""What a person may do to an open run, cancel it or answer a held one, and to the agents that take them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.dispatcher import queue_again
from halo_controller.errors import Conflict, Invalid
from halo_controller.lifecycle import Happening, follows
from halo_controller.nouns import Agent, Run
from halo_controller.store import agents, outbox, runs
from halo_controller.store.outbox import Posting
from halo_controller.telling import tell
from halo_shared.messages.base import PROTOCOL_VERSION
from halo_shared.messages.codec import seal
from halo_shared.messages.commands import Cancel, LeasesRenewed
from halo_shared.runs import Approval, RunStatus
from halo_shared.topology import to_agent


async def cancel(db: AsyncConnection, run: Run, reason: str, now: datetime) -> Run:
    """End a run that no agent has; ask the agent that has it. Raises Conflict when it has ended."""
    if run.status is RunStatus.RUNNING and run.agent:
        run = run.model_copy(update={"cancel_reason": reason})
        await runs.save(db, run)
        await send_cancel(db, run)
        await tell(db, run, f"Cancelling was asked of agent {run.agent}: {reason}.", now)
        return run
    return await _end(db, run, Happening.CANCELLED, f"Cancelled: {reason}.", now)


async def send_cancel(db: AsyncConnection, run: Run) -> None:
    """Ask the agent of a running run to stop it."""
    if run.agent and run.cancel_reason:
        message = Cancel(run=run.id, reason=run.cancel_reason)
        agent = await agents.find(db, run.agent)
        spoken = agent.protocol if agent and agent.protocol else PROTOCOL_VERSION
        sealed = seal(message, message_id=str(uuid4()), version=spoken)
        await outbox.put(db, Posting(sealed, to_agent(run.agent)))


async def drain(db: AsyncConnection, name: str, *, draining: bool) -> Agent:
    """Let an agent take no new work, or take it again, and tell it at once what its next heartbeat would be answered.

    The answer to no question renews nothing; all that it says is this. Raises NotFound.
    """
    agent = await agents.drain(db, name, draining=draining)
    if agent.session:
        notice = LeasesRenewed(session=agent.session, ask=uuid4(), drain=draining)
        sealed = seal(notice, message_id=str(notice.ask), version=agent.protocol or PROTOCOL_VERSION)
        await outbox.put(db, Posting(sealed, to_agent(name)))
    return agent


async def forget(db: AsyncConnection, name: str) -> None:
    """Forget an agent. Raises NotFound, or Conflict while it has an open run."""
    await agents.get(db, name)
    await agents.these(db, {name})  # from here on it is granted no lease
    for run in await runs.open_on(db, name):
        raise Conflict(
            f"Agent '{name}' has an open run {run.id} ({run.status}); wait for its end, "
            f"or stop it with: halo-controller runs cancel {run.id}"
        )
    await agents.remove(db, name)


async def approve(db: AsyncConnection, run: Run, up_to: int | None, who: str, now: datetime) -> Run:
    """Let a held run go on: it reads and plans anew, and may do no more than this, once.

    `up_to` counts records per kind and action; None approves what was found. Raises Conflict when it is not held.
    """
    if run.status is not RunStatus.HELD:
        raise Conflict(f"Run {run.id} is {run.status}, not held; there is nothing to approve.")
    if up_to is not None and up_to < 1:
        raise Invalid("Approve one record at the least, or reject the run.")
    approved = tuple(
        Approval(entity=excess.entity, action=excess.action, up_to=up_to or excess.found)
        for excess in run.held_for
    )
    run = run.model_copy(update={"approved": _with_earlier(run.approved, approved), "held_for": ()})
    allowed = ", ".join(f"{one.action} up to {one.up_to:,} {one.entity}" for one in approved)
    return await queue_again(db, run, Happening.APPROVED, f"{who} approved: {allowed}", now)


async def reject(db: AsyncConnection, run: Run, who: str, now: datetime) -> Run:
    """End a held run without a write. Raises Conflict when it is not held."""
    if run.status is not RunStatus.HELD:
        raise Conflict(f"Run {run.id} is {run.status}, not held; there is nothing to reject.")
    return await _end(db, run, Happening.REJECTED, f"{who} rejected the held plan; nothing was written.", now)


def _with_earlier(earlier: Sequence[Approval], approved: Sequence[Approval]) -> tuple[Approval, ...]:
    """What was approved before stands unless it is said anew: else two limits would hold a run in turn, for ever."""
    anew = {(one.entity, one.action) for one in approved}
    return (*(one for one in earlier if (one.entity, one.action) not in anew), *approved)


async def _end(db: AsyncConnection, run: Run, happening: Happening, text: str, now: datetime) -> Run:
    status = follows(run.status, happening)
    if status is None:
        raise Conflict(f"Run {run.id} has ended ({run.status}) and cannot be changed.")
    run = run.model_copy(update={"status": status, "ended_at": now, "waits_for_turn": False})
    await runs.save(db, run)
    await tell(db, run, text, now)
    return run
