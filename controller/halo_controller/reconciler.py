"""The safety net under every other loop: what should have happened to an open run and did not."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.dispatcher import queue_again, send_job
from halo_controller.errors import Conflict
from halo_controller.leasing import MOST_ATTEMPTS
from halo_controller.lifecycle import Happening, follows
from halo_controller.nouns import Agent, Run
from halo_controller.store import agents, integrations, runs
from halo_controller.store.database import Database
from halo_controller.telling import tell
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.errors import LeaseLost
from halo_shared.messages.base import Failure
from halo_shared.redaction import Redactor
from halo_shared.runs import RunStatus
from halo_shared.topology import REDISPATCH_AFTER

log = logs.get(__name__)

TICK: Final = 3.0


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing to mend."""


@dataclass(frozen=True, slots=True)
class SendAgain:
    """The job was sent and nobody took it."""

    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The attempt is lost."""

    reason: str


def verdict(run: Run, agent: Agent | None, now: datetime) -> Leave | SendAgain | GiveUp:
    """What this open run needs, and why. `agent` is the one that has its lease."""
    if (
        run.status is RunStatus.DISPATCHED
        and run.dispatched_at
        and now - run.dispatched_at > REDISPATCH_AFTER
    ):
        return SendAgain(f"no agent of group {run.group} took it since {run.dispatched_at:%H:%M:%S} UTC")
    if run.status is not RunStatus.RUNNING:
        return Leave()
    if run.deadline and now > run.deadline:
        return GiveUp(f"it did not end by its deadline, {run.deadline:%Y-%m-%d %H:%M:%S} UTC")
    if run.lease_until and now > run.lease_until:
        return GiveUp(f"agent {run.agent} has not renewed its lease since {run.lease_until:%H:%M:%S} UTC")
    if agent and agent.session != run.session:
        return GiveUp(f"agent {run.agent} was restarted and no longer works on it")
    return Leave()


class Reconciler:
    """Looks every few seconds at all open runs."""

    def __init__(self, database: Database, wake_publisher: Callable[[], None], clock: Clock) -> None:
        self._database = database
        self._wake_publisher = wake_publisher
        self._clock = clock
        self._redactor = Redactor()

    async def run(self) -> None:
        """Reconcile for ever."""
        while True:
            await self.tick()
            await self._clock.sleep(TICK)

    async def tick(self) -> None:
        """Mend every open run that needs it."""
        now = self._clock.now()
        async with self._database.read() as db:
            known = {agent.name: agent for agent in await agents.every(db)}
            still_open = await runs.still_open(db)
        for run in still_open:
            if not isinstance(verdict(run, known.get(run.agent or ""), now), Leave):
                await self._mend(run.id, now)

    async def _mend(self, run_id: str, now: datetime) -> None:
        """Decide once more inside the transaction: the world may have moved since."""
        async with self._database.write() as db:
            run = await runs.get(db, run_id)
            agent = await agents.find(db, run.agent) if run.agent else None
            match verdict(run, agent, now):
                case SendAgain(reason):
                    await self._send_again(db, run, reason, now)
                case GiveUp(reason):
                    await self._give_up(db, run, reason, now)
        self._wake_publisher()

    async def _send_again(self, db: AsyncConnection, run: Run, reason: str, now: datetime) -> None:
        await send_job(db, run, await integrations.get(db, run.ref), now)
        await runs.save(db, run.model_copy(update={"dispatched_at": now}))
        await tell(db, run, f"Sent again: {reason}.", now)

    async def _give_up(self, db: AsyncConnection, run: Run, reason: str, now: datetime) -> None:
        log.warning("attempt_lost", run=run.id, attempt=run.attempt, agent=run.agent, why=reason)
        await runs.end_attempt(db, run, f"lost: {reason}", now)
        if (
            run.attempt < MOST_ATTEMPTS
            and not run.cancel_reason
            and not (run.deadline and now > run.deadline)
        ):
            try:
                await queue_again(db, run, Happening.ATTEMPT_LOST, reason, now)
            except Conflict as error:
                reason = f"{reason}; it is not tried again: {error.message}"
            else:
                return
        status = follows(run.status, Happening.LOST) or run.status
        failure = Failure.of(LeaseLost(f"The run was lost: {reason}."), self._redactor)
        run = run.model_copy(update={"status": status, "ended_at": now, "failure": failure})
        await runs.save(db, run)
        await tell(db, run, failure.message, now, failure=failure)
