"""What is kept of an integration as one body, in a row that may not be there yet."""

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.store.integrations import hold
from halo_controller.store.rows import among
from halo_shared.identifiers import IntegrationRef

Body = dict[str, Any]  # Any: a model, as JSON holds it
Columns = Mapping[str, object]


async def of(db: AsyncConnection, table: Table, ref: IntegrationRef) -> Body | None:
    """The body of one integration; None when nothing is kept of it."""
    return (await these(db, table, {ref})).get(ref)


async def these(
    db: AsyncConnection, table: Table, refs: Collection[IntegrationRef]
) -> dict[IntegrationRef, Body]:
    """The bodies of these integrations, as far as something is kept of them."""
    await hold(db, *refs)  # their rows may not be there yet, and so could not be held themselves
    rows = await db.execute(select(table).where(among(table.c.tenant, table.c.integration, refs)))
    return {IntegrationRef(row.tenant, row.integration): row.body for row in rows}


async def every(db: AsyncConnection, table: Table) -> dict[IntegrationRef, Body]:
    """All there are."""
    return {IntegrationRef(row.tenant, row.integration): row.body for row in await db.execute(select(table))}


async def save(
    db: AsyncConnection, table: Table, kept: Mapping[IntegrationRef, tuple[BaseModel, Columns]]
) -> None:
    """Keep of each integration this, and what of it stands in columns of its own."""
    if not kept:
        return
    await db.execute(delete(table).where(among(table.c.tenant, table.c.integration, kept)))
    rows = [
        {"tenant": ref.tenant, "integration": ref.name, "body": body.model_dump(mode="json"), **columns}
        for ref, (body, columns) in kept.items()
    ]
    await db.execute(insert(table), rows)
