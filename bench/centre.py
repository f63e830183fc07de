"""A real controller over this broker, with one tenant, one group, and its agents and integrations."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.specs import AGENT, GROUP
from halo_controller.store import agents, integrations, tenants
from halo_controller.store.database import Database, open_database
from halo_controller.wiring import Controller, running
from halo_shared.clock import Clock, SystemClock
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrations import IntegrationSpec, TenantSpec
from halo_shared.transport import Transport


@dataclass(frozen=True, slots=True)
class Estate:
    """What the controller is to look after."""

    tenant: TenantSpec
    integrations: Sequence[IntegrationSpec]
    agents: Sequence[str] = (AGENT,)


@asynccontextmanager
async def controlling(address: Path | str, transport: Transport, estate: Estate) -> AsyncIterator[Controller]:
    """The controller at work, over this SQLite file or the PostgreSQL database at this URL."""
    clock = SystemClock()
    async with open_database(address) as database:
        await _furnish(database, estate, clock)
        async with running(database, transport, clock) as controller:
            yield controller


async def _furnish(database: Database, estate: Estate, clock: Clock) -> None:
    now = clock.now()
    async with database.write() as db:
        await tenants.add(db, estate.tenant, now)
        await tenants.add_group(db, GROUP, "", now)
        for name in estate.agents:
            await agents.add(db, name, GROUP, now)
        for spec in estate.integrations:
            await integrations.add(db, estate.tenant.name, spec, now)
            await integrations.switch(db, IntegrationRef(estate.tenant.name, spec.name), enabled=True)
