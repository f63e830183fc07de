"""How the latest runs of each integration went, and what follows from it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.scheduling.nouns import STEADY, Standing
from halo_controller.store.integrations import hold
from halo_controller.store.tables import integrations, standings
from halo_shared.identifiers import IntegrationRef


async def of(db: AsyncConnection, ref: IntegrationRef) -> Standing:
    """Its standing; steady when nothing is known."""
    await hold(db, ref)  # its row may not be there yet, and so could not be held itself
    query = select(standings.c.body).where(
        standings.c.tenant == ref.tenant, standings.c.integration == ref.name
    )
    body = await db.scalar(query)
    return STEADY if body is None else Standing.model_validate(body)


async def every(db: AsyncConnection) -> dict[IntegrationRef, Standing]:
    """All that are known."""
    rows = await db.execute(select(standings))
    return {IntegrationRef(row.tenant, row.integration): Standing.model_validate(row.body) for row in rows}


async def save(db: AsyncConnection, ref: IntegrationRef, standing: Standing) -> None:
    """Keep it."""
    await db.execute(
        delete(standings).where(standings.c.tenant == ref.tenant, standings.c.integration == ref.name)
    )
    body = standing.model_dump(mode="json")
    await db.execute(
        insert(standings).values(
            tenant=ref.tenant, integration=ref.name, retry_at=standing.retry_at, body=body
        )
    )


async def retries(db: AsyncConnection, now: datetime) -> Sequence[IntegrationRef]:
    """Integrations that are enabled and whose retry has come."""
    query = (
        select(standings.c.tenant, standings.c.integration)
        .join(
            integrations,
            and_(
                standings.c.tenant == integrations.c.tenant,
                standings.c.integration == integrations.c.name,
            ),
        )
        .where(standings.c.retry_at <= now, integrations.c.enabled)
    )
    return [IntegrationRef(row.tenant, row.integration) for row in await db.execute(query)]
