"""How long the run log is kept: by age and by number, as each tenant wants it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from halo_controller.store import incidents, notifications, people, runlog, tenants
from halo_controller.store.database import Database
from halo_controller.ticking import tick_for_ever
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrations import Keep

log = logs.get(__name__)

TICK: Final = 3600.0
BATCH: Final = 200
"""Runs that are forgotten in one transaction, so that nobody waits long."""
OLD_NEWS: Final = timedelta(days=90)
"""What is over for so long is forgotten: incidents, messages, silences."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that may be forgotten."""

    id: str
    ref: IntegrationRef
    ended_at: datetime


def to_forget(ended: Sequence[Ended], keep: Keep, now: datetime) -> list[str]:
    """The runs of a tenant that are too old, or too many; the latest of each integration always stays."""
    by_integration: dict[IntegrationRef, list[Ended]] = defaultdict(list)
    for run in sorted(ended, key=lambda run: run.ended_at, reverse=True):
        by_integration[run.ref].append(run)
    return [
        run.id
        for runs in by_integration.values()
        for place, run in enumerate(runs)
        if place > 0 and (place >= keep.runs or now - run.ended_at > keep.age)
    ]


class Janitor:
    """Forgets every hour what nobody wants to read any more."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Forget for ever."""
        await tick_for_ever("janitor", self.tick, TICK, self._clock)

    async def tick(self) -> None:
        """Forget what is due now."""
        now = self._clock.now()
        async with self._database.read() as db:
            known = await tenants.every(db)
        for tenant in known:
            await self._forget_runs(tenant.spec.name, tenant.spec.keep, now)
        async with self._database.write() as db:
            await notifications.forget(db, now - OLD_NEWS)
            await incidents.forget(db, now - OLD_NEWS)
            await people.forget_silences(db, now - OLD_NEWS)

    async def _forget_runs(self, tenant: str, keep: Keep, now: datetime) -> None:
        async with self._database.read() as db:
            ended = [Ended(*row) for row in await runlog.ended(db, tenant)]
        gone = to_forget(ended, keep, now)
        for start in range(0, len(gone), BATCH):
            async with self._database.write() as db:
                await runlog.forget(db, gone[start : start + BATCH])
        if gone:
            log.info("runs_forgotten", tenant=tenant, runs=len(gone))
