"""The safety net under every other loop: what should have happened to an open run and did not."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.consequences import follow
from halo_controller.dispatcher import queue_again
from halo_controller.errors import Conflict
from halo_controller.leasing import FIRST_CHOICE_FOR, MOST_ATTEMPTS
from halo_controller.lifecycle import TRANSITIONS, Happening
from halo_controller.nouns import DEAD_AFTER, GIVEN_UP_AFTER, PARTED_AFTER, SILENT_AFTER, Agent, Run
from halo_controller.steering import cancel
from halo_controller.store import agents, runs
from halo_controller.store.database import Database
from halo_controller.telling import tell
from halo_controller.ticking import tick_for_ever
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


def verdict(run: Run, agent: Agent | None, now: datetime, heard_for: timedelta) -> Leave | SendAgain | GiveUp:
    """What this open run needs, and why. `agent` is the one that has its lease.

    `heard_for` is how long the centre itself has heard without a break: silence before that is not the agent's.
    """
    if run.status is RunStatus.DISPATCHED and run.dispatched_at:
        return _untaken(run, now - run.dispatched_at)
    if run.status is not RunStatus.RUNNING:
        return Leave()
    if run.deadline and now > run.deadline:
        return GiveUp(f"it did not end by its deadline, {run.deadline:%Y-%m-%d %H:%M:%S} UTC")
    hears = heard_for >= DEAD_AFTER
    if hears and run.lease_until and now > run.lease_until:
        return GiveUp(f"agent {run.agent} has not renewed its lease since {run.lease_until:%H:%M:%S} UTC")
    why = _gone(run, agent, now, hears=hears) if agent else None
    return GiveUp(f"agent {run.agent} {why}") if why else Leave()


def _untaken(run: Run, waits: timedelta) -> Leave | SendAgain:
    if run.offered_to and waits > FIRST_CHOICE_FOR:
        return SendAgain(f"agent {run.offered_to} was asked first and did not take it")
    if waits > REDISPATCH_AFTER:
        return SendAgain(f"no agent of group {run.group} took it since {run.dispatched_at:%H:%M:%S} UTC")
    return Leave()


def _gone(run: Run, agent: Agent, now: datetime, *, hears: bool) -> str | None:
    """Why the agent can no longer be at work on the run; None while it may be."""
    unheard = now - agent.seen_at if agent.seen_at else timedelta()
    if agent.session is None:
        return "has stopped and no longer works on it" if unheard > PARTED_AFTER else None
    if agent.session != run.session and not _end_may_wait(run, agent, now):
        return "was restarted and no longer works on it"
    if hears and unheard > DEAD_AFTER:
        return f"has not been heard since {agent.seen_at:%H:%M:%S} UTC"
    if timedelta(seconds=agent.stalled) > GIVEN_UP_AFTER:
        return f"has not moved for {agent.stalled / 60:.0f} minutes"
    return "no longer works on it" if _let_go(run, agent) else None


def _end_may_wait(run: Run, agent: Agent, now: datetime) -> bool:
    """Whether the last word of the process before may lie on the agent's disk, and be on its way."""
    unheld = now - run.unheld_since if run.unheld_since else timedelta()
    return agent.spooled > 0 and unheld <= SILENT_AFTER


def _let_go(run: Run, agent: Agent) -> bool:
    """Whether the agent was heard for a while without this run, and its end can no longer be on the way."""
    if run.unheld_since is None or agent.seen_at is None or agent.spooled:
        return False
    return agent.seen_at - run.unheld_since > SILENT_AFTER


def _worth_another(run: Run, now: datetime) -> bool:
    """Whether a run whose attempt was lost is tried again: not for ever, not against a person's word, not overdue."""
    overdue = run.deadline is not None and now > run.deadline
    return run.attempt < MOST_ATTEMPTS and not run.cancel_reason and not overdue


class Reconciler:
    """Looks every few seconds at all open runs."""

    def __init__(
        self,
        database: Database,
        wake_publisher: Callable[[], None],
        heard_for: Callable[[], timedelta],
        clock: Clock,
    ) -> None:
        self._database = database
        self._wake_publisher = wake_publisher
        self._heard_for = heard_for
        self._clock = clock
        self._redactor = Redactor()

    async def run(self) -> None:
        """Reconcile for ever."""
        await tick_for_ever("reconciler", self.tick, TICK, self._clock)

    async def tick(self) -> None:
        """Mend every open run that needs it."""
        now = self._clock.now()
        async with self._database.read() as db:
            still_open = await runs.still_open(db)
            known = await agents.these(db, {run.agent for run in still_open if run.agent})
        for run in still_open:
            if not isinstance(verdict(run, known.get(run.agent or ""), now, self._heard_for()), Leave):
                await self._mend(run.id, now)

    async def _mend(self, run_id: str, now: datetime) -> None:
        """Decide once more inside the transaction: the world may have moved since."""
        async with self._database.write() as db:
            run = await runs.get(db, run_id)
            agent = await agents.find(db, run.agent) if run.agent else None
            match verdict(run, agent, now, self._heard_for()):
                case SendAgain(reason):
                    await self._send_again(db, run, reason, now)
                case GiveUp(reason):
                    await self._give_up(db, run, reason, now)
        self._wake_publisher()

    async def _send_again(self, db: AsyncConnection, run: Run, reason: str, now: datetime) -> None:
        try:
            await queue_again(db, run, Happening.NOT_TAKEN, reason, now)
        except Conflict as error:
            await cancel(db, run, f"{reason}, and it is not sent again: {error.message}", now)

    async def _give_up(self, db: AsyncConnection, run: Run, reason: str, now: datetime) -> None:
        log.warning("attempt_lost", run=run.id, attempt=run.attempt, agent=run.agent, why=reason)
        await runs.end_attempts(db, [(run, f"lost: {reason}")], now)
        if _worth_another(run, now):
            try:
                await queue_again(db, run, Happening.ATTEMPT_LOST, reason, now)
                return
            except Conflict as error:
                reason = f"{reason}; it is not tried again: {error.message}"
        await self._lose(db, run, reason, now)

    async def _lose(self, db: AsyncConnection, run: Run, reason: str, now: datetime) -> None:
        status = TRANSITIONS[run.status, Happening.LOST]
        failure = Failure.of(LeaseLost(f"The run was lost: {reason}."), self._redactor)
        run = run.model_copy(
            update={"status": status, "ended_at": now, "lease_until": None, "failure": failure}
        )
        await runs.save(db, run)
        await tell(db, run, failure.message, now, failure=failure)
        await follow(db, [run], now)
