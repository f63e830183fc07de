"""Which integrations are due: a pure decision with its reason, and the loop that acts on it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from halo_controller.dispatcher import open_run
from halo_controller.errors import Conflict
from halo_controller.nouns import Integration, Run, Trigger
from halo_controller.store import integrations, runs
from halo_controller.store.database import Database
from halo_controller.ticking import outlasting_passing_faults
from halo_shared import durations, logs
from halo_shared.clock import Clock
from halo_shared.identifiers import IntegrationRef

log = logs.get(__name__)

TICK: Final = 1.0


@dataclass(frozen=True, slots=True)
class Due:
    """It should run now."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotDue:
    """It should not run now."""

    reason: str
    next_at: datetime | None = None


def due(integration: Integration, open_run_of_it: Run | None, now: datetime) -> Due | NotDue:
    """Whether an integration should run now, and why, or why not."""
    spec = integration.spec
    if not integration.enabled:
        return NotDue("it is disabled")
    if spec.schedule is None:
        return NotDue("it has no schedule and runs only when somebody asks for it")
    if spec.group is None:
        return NotDue("it is assigned to no group of agents")
    if open_run_of_it is not None:
        return NotDue(f"run {open_run_of_it.id} is still {open_run_of_it.status}")
    if integration.last_opened_at is None:
        return Due("it is scheduled and has never run")
    next_at = integration.last_opened_at + spec.schedule.every
    every = durations.text(spec.schedule.every)
    if now >= next_at:
        return Due(f"it runs every {every}")
    return NotDue(f"it runs every {every}, next at {next_at:%H:%M:%S} UTC", next_at)


class Scheduler:
    """Looks every second at what is due and opens its runs."""

    def __init__(self, database: Database, wake_publisher: Callable[[], None], clock: Clock) -> None:
        self._database = database
        self._wake_publisher = wake_publisher
        self._clock = clock

    async def run(self) -> None:
        """Schedule for ever."""
        while True:
            with outlasting_passing_faults("scheduler"):
                await self.tick()
            await self._clock.sleep(TICK)

    async def tick(self) -> None:
        """Open a run of everything that is due now."""
        now = self._clock.now()
        async with self._database.read() as db:
            enabled = await integrations.every(db, enabled=True)
            still_open = {run.ref: run for run in await runs.still_open(db)}
        for integration in enabled:
            decision = due(integration, still_open.get(integration.ref), now)
            if isinstance(decision, Due):
                await self._open(integration.ref, decision.reason, now)

    async def _open(self, ref: IntegrationRef, reason: str, now: datetime) -> None:
        try:
            async with self._database.write() as db:
                await open_run(db, ref, Trigger.SCHEDULE, reason, now)
        except Conflict as error:  # a person was quicker
            log.info("schedule_skipped", ref=str(ref), why=error.message)
        else:
            self._wake_publisher()
