"""What bears on whether integrations run, as the database has it now."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.hosting.reading import times_of
from halo_controller.scheduling.situation import Situation
from halo_controller.store import integrations, runs, standings, tenants
from halo_shared.identifiers import IntegrationRef


async def situation_of(db: AsyncConnection, ref: IntegrationRef, now: datetime) -> Situation:
    """The situation of one integration; raises NotFound where there is none, or it may not be seen."""
    await integrations.get(db, ref)
    return (await situations(db, {ref}, now))[ref]


async def situations(
    db: AsyncConnection, refs: Collection[IntegrationRef], now: datetime
) -> dict[IntegrationRef, Situation]:
    """The situations of these integrations, as far as there are such."""
    still_open = await runs.open_of(db, refs)
    known = await integrations.these(db, refs)
    owners = await tenants.these(db, {ref.tenant for ref in known})
    standing = await standings.these(db, known)
    hosted = await times_of(db, known.values(), owners)
    return {
        ref: Situation(one, owners[ref.tenant], now, still_open.get(ref), standing[ref], hosted.get(ref))
        for ref, one in known.items()
    }
