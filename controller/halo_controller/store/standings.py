"""How the latest runs of each integration went, and what follows from it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.scheduling.nouns import STEADY, Standing
from halo_controller.store import bodies
from halo_controller.store.tables import integrations, standings
from halo_shared.identifiers import IntegrationRef


async def of(db: AsyncConnection, ref: IntegrationRef) -> Standing:
    """Its standing; steady when nothing is known."""
    return (await these(db, {ref}))[ref]


async def these(db: AsyncConnection, refs: Collection[IntegrationRef]) -> dict[IntegrationRef, Standing]:
    """The standing of each of these; steady when nothing is known."""
    found = await bodies.these(db, standings, refs)
    return {ref: Standing.model_validate(found[ref]) if ref in found else STEADY for ref in refs}


async def every(db: AsyncConnection) -> dict[IntegrationRef, Standing]:
    """All that are known."""
    found = await bodies.every(db, standings)
    return {ref: Standing.model_validate(body) for ref, body in found.items()}


async def save(db: AsyncConnection, ref: IntegrationRef, standing: Standing) -> None:
    """Keep it."""
    await save_all(db, {ref: standing})


async def save_all(db: AsyncConnection, now: Mapping[IntegrationRef, Standing]) -> None:
    """Keep each."""
    rows = {ref: (standing, {"retry_at": standing.retry_at}) for ref, standing in now.items()}
    await bodies.save(db, standings, rows)


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
