"""The audit log: rows that are added and never altered, which the database itself sees to."""

from collections.abc import Sequence

from pydantic import AwareDatetime, Field
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.audit.nouns import Entry, Noun
from halo_controller.errors import NotFound
from halo_controller.store.sight import seen
from halo_controller.store.tables import audit
from halo_shared.runs import Frozen


class Sought(Frozen):
    """Which entries are looked for; None stands for all."""

    tenant: str | None = None
    who: str | None = None
    noun: Noun | None = None
    name: str | None = None
    """Of the thing that was changed."""
    since: AwareDatetime | None = None
    limit: int = Field(default=100, ge=1, le=100_000)


async def add(db: AsyncConnection, entry: Entry) -> Entry:
    """Keep an entry for good; answers with it under its number."""
    row = entry.model_dump(exclude={"id"})
    number = await db.scalar(insert(audit).values(row).returning(audit.c.id))
    return entry.model_copy(update={"id": number})


async def every(db: AsyncConnection, sought: Sought) -> Sequence[Entry]:
    """The latest entries that fit, newest first."""
    query = select(audit).order_by(audit.c.id.desc()).limit(sought.limit)
    for column, wanted in (
        (audit.c.tenant, sought.tenant),
        (audit.c.who, sought.who),
        (audit.c.noun, sought.noun),
        (audit.c.name, sought.name),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if sought.since is not None:
        query = query.where(audit.c.at >= sought.since)
    rows = (await db.execute(seen(db, query, audit.c.tenant))).mappings()
    return [Entry.model_validate(row) for row in rows]


async def get(db: AsyncConnection, number: int) -> Entry:
    """One entry; raises NotFound."""
    query = seen(db, select(audit).where(audit.c.id == number), audit.c.tenant)
    row = (await db.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"There is no entry {number} in the audit log. List them with: halo-controller audit")
    return Entry.model_validate(row)
