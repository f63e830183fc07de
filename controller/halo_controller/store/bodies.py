"""What is kept of an integration as one body, in a row that may not be there yet."""

from typing import Any

from pydantic import BaseModel
from sqlalchemy import Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.store.integrations import hold
from halo_shared.identifiers import IntegrationRef

Body = dict[str, Any]  # Any: a model, as JSON holds it


async def of(db: AsyncConnection, table: Table, ref: IntegrationRef) -> Body | None:
    """The body of one integration; None when nothing is kept of it."""
    await hold(db, ref)  # its row may not be there yet, and so could not be held itself
    query = select(table.c.body).where(table.c.tenant == ref.tenant, table.c.integration == ref.name)
    body: Body | None = await db.scalar(query)
    return body


async def every(db: AsyncConnection, table: Table) -> dict[IntegrationRef, Body]:
    """All there are."""
    return {IntegrationRef(row.tenant, row.integration): row.body for row in await db.execute(select(table))}


async def save(
    db: AsyncConnection, table: Table, ref: IntegrationRef, body: BaseModel, **columns: object
) -> None:
    """Keep this, and what of it stands in columns of its own."""
    await db.execute(delete(table).where(table.c.tenant == ref.tenant, table.c.integration == ref.name))
    row = {"tenant": ref.tenant, "integration": ref.name, "body": body.model_dump(mode="json"), **columns}
    await db.execute(insert(table).values(row))
