"""What the host of integrations decided: for all, and of each."""

from collections.abc import Collection

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.hosting.nouns import UNMEASURED, Classes, Hosting
from halo_controller.store import bodies
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
    return (await these(db, {ref}))[ref]


async def these(db: AsyncConnection, refs: Collection[IntegrationRef]) -> dict[IntegrationRef, Hosting]:
    """What is known of each of these; unmeasured when nothing is."""
    found = await bodies.these(db, hostings, refs)
    return {ref: Hosting.model_validate(found[ref]) if ref in found else UNMEASURED for ref in refs}


async def every(db: AsyncConnection) -> dict[IntegrationRef, Hosting]:
    """All that are known."""
    found = await bodies.every(db, hostings)
    return {ref: Hosting.model_validate(body) for ref, body in found.items()}


async def save(db: AsyncConnection, ref: IntegrationRef, hosting: Hosting) -> None:
    """Keep it."""
    await bodies.save(db, hostings, {ref: (hosting, {})})
