"""What those may see who may not see everything: a limit that a connection carries, and queries keep to."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.store.tables import groups, integrations
from halo_shared.integrators import Integrator

TENANTS: Final = "halo_tenants"
"""The option of a connection that holds the limit."""

Query = Select[Any]  # Any: whatever its columns are


def limit(db: AsyncConnection) -> Collection[str] | None:
    """The tenants whose things may be seen over this connection; None for all, and for what belongs to none."""
    options = db.sync_connection.get_execution_options() if db.sync_connection else {}
    found: Collection[str] | None = options.get(TENANTS)
    return found


@asynccontextmanager
async def unlimited(db: AsyncConnection) -> AsyncIterator[None]:
    """Within the block the connection shows everything."""
    before = limit(db)
    await db.execution_options(**{TENANTS: None})
    try:
        yield
    finally:
        await db.execution_options(**{TENANTS: before})


def seen(db: AsyncConnection, query: Query, tenant: ColumnElement[Any]) -> Query:
    """The query, for as much as may be seen; `tenant` is the column that says whose a row is."""
    tenants = limit(db)
    return query if tenants is None else query.where(tenant.in_(tenants))


def seen_of_groups(db: AsyncConnection, query: Query, group: ColumnElement[Any]) -> Query:
    """The same for what belongs to a group: one that serves these tenants, or is theirs, or is the host's for all."""
    tenants = limit(db)
    if tenants is None:
        return query
    served = select(integrations.c.spec["group"].as_string()).where(integrations.c.tenant.in_(tenants))
    offered = groups.c.tenant.in_(tenants) | (groups.c.kind == Integrator.HOSTED)
    return query.where(group.in_(served) | group.in_(select(groups.c.name).where(offered)))
