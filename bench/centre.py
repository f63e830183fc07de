"""A real controller over this broker, with one tenant, one group, one agent and one integration."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.specs import AGENT, GROUP, REF
from halo_controller.store import agents, integrations, tenants
from halo_controller.store.database import Database, open_database
from halo_controller.wiring import Controller, running
from halo_shared.clock import Clock, SystemClock
from halo_shared.integrations import IntegrationSpec, TenantSpec
from halo_shared.transport import Transport


@asynccontextmanager
async def controlling(
    folder: Path, transport: Transport, tenant: TenantSpec, integration: IntegrationSpec
) -> AsyncIterator[Controller]:
    """The controller at work, its SQLite file in this folder."""
    clock = SystemClock()
    async with open_database(folder / "controller.db") as database:
        await _furnish(database, tenant, integration, clock)
        async with running(database, transport, clock) as controller:
            yield controller


async def _furnish(
    database: Database, tenant: TenantSpec, integration: IntegrationSpec, clock: Clock
) -> None:
    now = clock.now()
    async with database.write() as db:
        await tenants.add(db, tenant, now)
        await tenants.add_group(db, GROUP, "", now)
        await agents.add(db, AGENT, GROUP, now)
        await integrations.add(db, tenant.name, integration, now)
        await integrations.switch(db, REF, enabled=True)
