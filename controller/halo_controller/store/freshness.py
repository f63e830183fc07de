"""When each integration last went through."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.store.tables import runs
from halo_shared.identifiers import IntegrationRef
from halo_shared.runs import RunStatus


async def last_success(db: AsyncConnection) -> dict[IntegrationRef, datetime]:
    """The end of the latest run that reached both sides, of each integration that had one."""
    through = runs.c.status.in_([RunStatus.SUCCEEDED, RunStatus.PARTIAL])
    # Not max(): the database would not give the zone back with it.
    newest_first = func.row_number().over(
        partition_by=(runs.c.tenant, runs.c.integration), order_by=runs.c.ended_at.desc()
    )
    numbered = (
        select(runs.c.tenant, runs.c.integration, runs.c.ended_at, newest_first.label("place"))
        .where(through, runs.c.preview.is_(False), runs.c.only.is_(None))
        .subquery()
    )
    rows = await db.execute(select(numbered).where(numbered.c.place == 1))
    return {IntegrationRef(row.tenant, row.integration): row.ended_at for row in rows}
