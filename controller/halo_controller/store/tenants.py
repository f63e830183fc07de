"""Tenants and groups."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.errors import Conflict, NotFound
from halo_controller.nouns import Group, Tenant
from halo_controller.store.sight import seen, seen_of_groups
from halo_controller.store.tables import groups, integrations, tenants
from halo_shared.integrations import TenantSpec
from halo_shared.integrators import Integrator


async def add(db: AsyncConnection, spec: TenantSpec, now: datetime) -> Tenant:
    """Keep a new tenant; raises Conflict when the name is taken."""
    row = {"name": spec.name, "spec": spec.model_dump(mode="json"), "created_at": now}
    try:
        async with db.begin_nested():
            await db.execute(insert(tenants).values(row))
    except IntegrityError as error:
        raise Conflict(f"There is a tenant '{spec.name}' already; choose another name.") from error
    return Tenant(spec=spec, created_at=now)


async def get(db: AsyncConnection, name: str) -> Tenant:
    """The tenant of this name; raises NotFound with the names there are."""
    query = seen(db, select(tenants).where(tenants.c.name == name), tenants.c.name)
    row = (await db.execute(query)).mappings().one_or_none()
    if row is None:
        known = [one.spec.name for one in await every(db)]
        raise NotFound(f"There is no tenant '{name}'. " + _there_are("tenants", known))
    return Tenant.model_validate(row)


async def these(db: AsyncConnection, names: Collection[str]) -> dict[str, Tenant]:
    """The tenants of these names, as far as there are such."""
    rows = await db.execute(select(tenants).where(tenants.c.name.in_(names)))
    return {row["name"]: Tenant.model_validate(row) for row in rows.mappings()}


async def every(db: AsyncConnection) -> Sequence[Tenant]:
    """All tenants, by name."""
    query = seen(db, select(tenants).order_by(tenants.c.name), tenants.c.name)
    rows = (await db.execute(query)).mappings()
    return [Tenant.model_validate(row) for row in rows]


async def change(db: AsyncConnection, spec: TenantSpec) -> None:
    """Give it another definition; where its Halo may be another, the next run of each integration reads in full."""
    before = await get(db, spec.name)
    await db.execute(
        update(tenants).where(tenants.c.name == spec.name).values(spec=spec.model_dump(mode="json"))
    )
    its = update(integrations).where(integrations.c.tenant == spec.name).values(planned=False)
    if spec.halo != before.spec.halo:
        # An attempt that works for the Halo as it was shall not say where the next one starts.
        its = its.values(cursors={}, fence=integrations.c.fence + 1)
    await db.execute(its)


async def add_group(
    db: AsyncConnection,
    name: str,
    title: str,
    now: datetime,
    *,
    kind: Integrator = Integrator.LOCAL,
    tenant: str | None = None,
) -> Group:
    """Keep a new group; raises NotFound without its tenant, and Conflict when the name is taken."""
    if tenant is not None:
        await get(db, tenant)
    group = Group(name=name, title=title, created_at=now, kind=kind, tenant=tenant)
    try:
        async with db.begin_nested():
            await db.execute(insert(groups).values(**group.model_dump()))
    except IntegrityError as error:
        raise Conflict(f"There is a group '{name}' already; choose another name.") from error
    return group


async def get_group(db: AsyncConnection, name: str) -> Group:
    """The group of this name; raises NotFound with the names there are."""
    query = seen_of_groups(db, select(groups).where(groups.c.name == name), groups.c.name)
    row = (await db.execute(query)).mappings().one_or_none()
    if row is None:
        known = [one.name for one in await every_group(db)]
        raise NotFound(f"There is no group '{name}'. " + _there_are("groups", known))
    return Group.model_validate(row)


async def every_group(db: AsyncConnection) -> Sequence[Group]:
    """All groups, by name."""
    query = seen_of_groups(db, select(groups).order_by(groups.c.name), groups.c.name)
    rows = (await db.execute(query)).mappings()
    return [Group.model_validate(row) for row in rows]


def _there_are(what: str, known: Sequence[str]) -> str:
    return f"The {what} are: {', '.join(known)}." if known else f"There are no {what} yet."
