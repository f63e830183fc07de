"""Incidents: one row per cause that is open, and those that are over."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.errors import Conflict, NotFound
from halo_controller.incidents.nouns import Incident
from halo_controller.store.holding import held
from halo_controller.store.sight import seen
from halo_controller.store.tables import incidents, told


async def add(db: AsyncConnection, incident: Incident) -> bool:
    """Keep an incident that has just opened; False when its cause has an open one already."""
    try:
        async with db.begin_nested():
            await db.execute(insert(incidents).values(_row(incident)))
    except IntegrityError:
        return False
    return True


async def save(db: AsyncConnection, incident: Incident) -> None:
    """Keep the incident as it is now."""
    await db.execute(update(incidents).where(incidents.c.id == incident.id).values(_row(incident)))


async def get(db: AsyncConnection, prefix: str) -> Incident:
    """The one incident whose id starts so; raises NotFound, or Conflict when there are several."""
    query = select(incidents.c.body).where(incidents.c.id.startswith(prefix, autoescape=True)).limit(2)
    found = (await db.scalars(held(db, seen(db, query, incidents.c.tenant)))).all()
    if not found:
        raise NotFound(
            f"There is no incident '{prefix}'. List them with: halo-controller incidents list --all"
        )
    if len(found) > 1:
        raise Conflict(f"Several incidents start with '{prefix}'; write more of the id.")
    return Incident.model_validate(found[0])


async def open_by_key(db: AsyncConnection, keys: Collection[str]) -> dict[str, Incident]:
    """The open incidents of these causes."""
    found = await _read(db, incidents.c.recovered_at.is_(None), incidents.c.key.in_(keys))
    return {one.cause.key: one for one in found}


async def open_of(db: AsyncConnection, tenants: Collection[str]) -> Sequence[Incident]:
    """All open incidents of these tenants."""
    return await _read(db, incidents.c.recovered_at.is_(None), incidents.c.tenant.in_(tenants))


async def open_with(db: AsyncConnection, codes: Collection[str]) -> Sequence[Incident]:
    """All open incidents with these codes."""
    return await _read(db, incidents.c.recovered_at.is_(None), incidents.c.code.in_(codes))


async def every(
    db: AsyncConnection,
    *,
    tenant: str | None = None,
    integration: str | None = None,
    only_open: bool = True,
    limit: int | None = 100,
) -> Sequence[Incident]:
    """Incidents, those that opened last first."""
    wanted: list[ColumnElement[bool]] = [incidents.c.recovered_at.is_(None)] if only_open else []
    if tenant is not None:
        wanted.append(incidents.c.tenant == tenant)
    if integration is not None:
        wanted.append(incidents.c.integration == integration)
    return await _read(db, *wanted, limit=limit)


async def untold(db: AsyncConnection, since: datetime) -> Sequence[Incident]:
    """What somebody may still have to be told of: all that are open, and those over since then that were told open."""
    was_told = exists().where(told.c.incident == incidents.c.id)
    over = (incidents.c.recovered_at > since) & was_told
    return await _read(db, incidents.c.recovered_at.is_(None) | over)


async def forget(db: AsyncConnection, before: datetime) -> None:
    """Drop what was over before this moment."""
    old = select(incidents.c.id).where(incidents.c.recovered_at < before)
    await db.execute(delete(told).where(told.c.incident.in_(old)))
    await db.execute(delete(incidents).where(incidents.c.recovered_at < before))


async def _read(
    db: AsyncConnection, *wanted: ColumnElement[bool], limit: int | None = None
) -> Sequence[Incident]:
    query = select(incidents.c.body).where(*wanted).order_by(incidents.c.opened_at.desc(), incidents.c.id)
    query = held(db, seen(db, query, incidents.c.tenant).limit(limit))
    return [Incident.model_validate(body) for body in await db.scalars(query)]


def _row(incident: Incident) -> dict[str, Any]:  # Any: one value per column
    cause = incident.cause
    return {
        "id": incident.id,
        "key": cause.key,
        "tenant": cause.tenant,
        "integration": cause.integration,
        "code": cause.code,
        "opened_at": incident.opened_at,
        "recovered_at": incident.recovered_at,
        "body": incident.model_dump(mode="json"),
    }
