"""Letting go of outcomes that were kept long enough, or that a tenant no longer wants to be kept."""

from datetime import datetime
from typing import Final

from halo_controller.nouns import Tenant
from halo_controller.store import records, tenants
from halo_controller.store.database import Database
from halo_controller.ticking import tick_for_ever
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.outcomes import History

log = logs.get(__name__)

TICK: Final = 600.0


class Forgetter:
    """Looks now and then at what is old."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Forget for ever."""
        await tick_for_ever("forgetter", self.tick, TICK, self._clock)

    async def tick(self) -> None:
        """Drop what no tenant wants to be kept, some at a time, so that others can write in between."""
        async with self._database.read() as db:
            known = await tenants.every(db)
        for tenant in known:
            forgotten = 0
            while more := await self._forget_some(tenant):
                forgotten += more
            if forgotten:
                log.info("records_forgotten", tenant=tenant.spec.name, records=forgotten)

    async def _forget_some(self, tenant: Tenant) -> int:
        async with self._database.write() as db:
            return await records.forget(db, tenant.spec.name, _kept_since(tenant, self._clock.now()))


def _kept_since(tenant: Tenant, now: datetime) -> datetime | None:
    """What is older goes; None where everything goes."""
    spec = tenant.spec
    return None if spec.record_history is History.OFF else now - spec.records_kept
