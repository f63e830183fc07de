"""People who are told of incidents, and the silences that keep them from it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.errors import Conflict, NotFound
from halo_controller.notifications.nouns import Silence
from halo_controller.notifications.people import Person
from halo_controller.store import tenants
from halo_controller.store.sight import seen
from halo_controller.store.tables import people, silences


async def add(db: AsyncConnection, person: Person) -> Person:
    """Keep a new person; raises NotFound without their tenant, and Conflict when the name is taken."""
    if person.tenant:
        await tenants.get(db, person.tenant)
    try:
        async with db.begin_nested():
            await db.execute(insert(people).values(_row(person)))
    except IntegrityError as error:
        raise Conflict(
            f"There is a person '{person.name}' already; change them with: halo-controller people update FILE"
        ) from error
    return person


async def change(db: AsyncConnection, person: Person) -> Person:
    """Give a person other wishes; raises NotFound."""
    await get(db, person.name)
    if person.tenant:
        await tenants.get(db, person.tenant)
    await db.execute(update(people).where(people.c.name == person.name).values(_row(person)))
    return person


async def get(db: AsyncConnection, name: str) -> Person:
    """The person of this name; raises NotFound with the names there are."""
    query = select(people.c.spec).where(people.c.name == name)
    spec = await db.scalar(seen(db, query, people.c.tenant))
    if spec is None:
        known = [one.name for one in await every(db)]
        there_are = f"There are: {', '.join(known)}." if known else "There is nobody yet."
        raise NotFound(f"There is no person '{name}'. {there_are}")
    return Person.model_validate(spec)


async def every(db: AsyncConnection, tenant: str | None = None) -> Sequence[Person]:
    """All people, or those of a tenant, by name."""
    query = select(people.c.spec).order_by(people.c.name)
    if tenant is not None:
        query = query.where(people.c.tenant == tenant)
    return [Person.model_validate(spec) for spec in await db.scalars(seen(db, query, people.c.tenant))]


async def remove(db: AsyncConnection, name: str) -> None:
    """Tell this person nothing more; raises NotFound."""
    await get(db, name)
    await db.execute(delete(people).where(people.c.name == name))


async def hush(db: AsyncConnection, silence: Silence) -> Silence:
    """Keep a silence."""
    row = {"id": silence.id, "tenant": silence.tenant, "ends_at": silence.ends_at}
    await db.execute(insert(silences).values(**row, body=silence.model_dump(mode="json")))
    return silence


async def silences_after(db: AsyncConnection, now: datetime) -> Sequence[Silence]:
    """The silences that are not over yet, those to come among them."""
    found = [Silence.model_validate(body) for body in await db.scalars(_after(now))]
    return sorted(found, key=lambda silence: silence.starts_at)


async def every_silence(db: AsyncConnection, now: datetime) -> Sequence[Silence]:
    """Those of them that may be seen."""
    query = seen(db, _after(now), silences.c.tenant)
    found = [Silence.model_validate(body) for body in await db.scalars(query)]
    return sorted(found, key=lambda silence: silence.starts_at)


async def silence_of(db: AsyncConnection, name: str) -> Silence:
    """The silence of this id; raises NotFound."""
    query = select(silences.c.body).where(silences.c.id == name)
    body = await db.scalar(seen(db, query, silences.c.tenant))
    if body is None:
        raise NotFound(f"There is no silence '{name}'. List them with: halo-controller silences list")
    return Silence.model_validate(body)


async def lift(db: AsyncConnection, name: str) -> None:
    """End a silence; raises NotFound."""
    await silence_of(db, name)
    await db.execute(delete(silences).where(silences.c.id == name))


async def forget_silences(db: AsyncConnection, before: datetime) -> None:
    """Drop silences that ended before this moment."""
    await db.execute(delete(silences).where(silences.c.ends_at < before))


def _after(now: datetime) -> Select[tuple[Any]]:  # Any: a silence as JSON
    return select(silences.c.body).where(or_(silences.c.ends_at.is_(None), silences.c.ends_at > now))


def _row(person: Person) -> dict[str, Any]:  # Any: one value per column
    spec = person.model_dump(mode="json", by_alias=True)
    return {"name": person.name, "tenant": person.tenant, "spec": spec}
