"""What the host of integrations decided: for all, and of each."""

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.hosting.nouns import UNMEASURED, Classes, Hosting
from halo_controller.store.integrations import hold
from halo_controller.store.tables import hosted_classes, hostings
from halo_shared.identifiers import IntegrationRef


async def classes(db: AsyncConnection) -> Classes:
    """How integrations are let run; as the program comes, where nobody said otherwise."""
    body = await db.scalar(select(hosted_classes.c.body))
    return Classes() if body is None else Classes.model_validate(body)


async def set_classes(db: AsyncConnection, new: Classes) -> None:
    """Let integrations run so from now on."""
    await db.execute(delete(hosted_classes))
    await db.execute(insert(hosted_classes).values(id=1, body=new.model_dump(mode="json")))


async def of(db: AsyncConnection, ref: IntegrationRef) -> Hosting:
    """What is known of an integration; unmeasured when nothing is."""
    await hold(db, ref)  # its row may not be there yet, and so could not be held itself
    query = select(hostings.c.body).where(hostings.c.tenant == ref.tenant, hostings.c.integration == ref.name)
    body = await db.scalar(query)
    return UNMEASURED if body is None else Hosting.model_validate(body)


async def every(db: AsyncConnection) -> dict[IntegrationRef, Hosting]:
    """All that are known."""
    rows = await db.execute(select(hostings))
    return {IntegrationRef(row.tenant, row.integration): Hosting.model_validate(row.body) for row in rows}


async def save(db: AsyncConnection, ref: IntegrationRef, hosting: Hosting) -> None:
    """Keep it."""
    await db.execute(
        delete(hostings).where(hostings.c.tenant == ref.tenant, hostings.c.integration == ref.name)
    )
    body = hosting.model_dump(mode="json")
    await db.execute(insert(hostings).values(tenant=ref.tenant, integration=ref.name, body=body))
