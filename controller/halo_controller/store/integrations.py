"""Integrations, and what is remembered for the next run of each."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.errors import Conflict, NotFound
from halo_controller.nouns import Integration, Run
from halo_controller.store import tenants
from halo_controller.store.holding import held
from halo_controller.store.rows import among
from halo_controller.store.sight import seen
from halo_controller.store.tables import integrations
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrations import IntegrationSpec
from halo_shared.runs import Cursors


async def add(db: AsyncConnection, tenant: str, spec: IntegrationSpec, now: datetime) -> Integration:
    """Keep a new integration, switched off; raises NotFound without its tenant, and Conflict when the name is taken."""
    await tenants.get(db, tenant)
    row = {"tenant": tenant, "name": spec.name, "spec": spec.model_dump(mode="json", by_alias=True)}
    try:
        async with db.begin_nested():
            await db.execute(
                insert(integrations).values(**row, enabled=False, created_at=now, changed_at=now)
            )
    except IntegrityError as error:
        raise Conflict(
            f"There is an integration '{tenant}/{spec.name}' already; change it with: "
            f"halo-controller integrations update {tenant} FILE"
        ) from error
    return await get(db, IntegrationRef(tenant, spec.name))


async def get(db: AsyncConnection, ref: IntegrationRef) -> Integration:
    """The integration of this name; raises NotFound with the tenant's names, or without its tenant."""
    query = seen(db, select(integrations).where(_is(ref)), integrations.c.tenant)
    row = (await db.execute(query)).mappings().one_or_none()
    if row is None:
        await tenants.get(db, ref.tenant)
        names = select(integrations.c.name).where(integrations.c.tenant == ref.tenant)
        known = [f"{ref.tenant}/{name}" for name in (await db.scalars(names)).all()]
        there_are = f"There are: {', '.join(sorted(known))}." if known else "The tenant has none yet."
        raise NotFound(f"There is no integration '{ref}'. {there_are}")
    return Integration.model_validate(row)


async def hold(db: AsyncConnection, *refs: IntegrationRef) -> None:
    """Let nobody else change these, or what is known of them, until this transaction is through."""
    query = (
        select(integrations.c.name)
        .where(among(integrations.c.tenant, integrations.c.name, refs))
        .order_by(integrations.c.tenant, integrations.c.name)
    )
    await db.execute(held(db, query))


async def these(db: AsyncConnection, refs: Collection[IntegrationRef]) -> dict[IntegrationRef, Integration]:
    """The integrations of these names, as far as there are such."""
    query = (
        select(integrations)
        .where(among(integrations.c.tenant, integrations.c.name, refs))
        .order_by(integrations.c.tenant, integrations.c.name)
    )
    found = [Integration.model_validate(row) for row in (await db.execute(held(db, query))).mappings()]
    return {one.ref: one for one in found}


async def every(
    db: AsyncConnection, tenant: str | None = None, *, enabled: bool | None = None
) -> Sequence[Integration]:
    """All integrations, by tenant and name."""
    query = select(integrations).order_by(integrations.c.tenant, integrations.c.name)
    if tenant is not None:
        query = query.where(integrations.c.tenant == tenant)
    if enabled is not None:
        query = query.where(integrations.c.enabled == enabled)
    rows = await db.execute(seen(db, query, integrations.c.tenant))
    return [Integration.model_validate(row) for row in rows.mappings()]


async def change(db: AsyncConnection, ref: IntegrationRef, spec: IntegrationSpec, now: datetime) -> None:
    """Give it another definition; what was read before counts no longer, so the next run reads in full."""
    await next_fence(
        db, ref
    )  # an attempt that works by the old definition shall not say where the new one starts
    await db.execute(
        update(integrations)
        .where(_is(ref))
        .values(spec=spec.model_dump(mode="json", by_alias=True), cursors={}, changed_at=now, planned=False)
    )


async def adjust(db: AsyncConnection, ref: IntegrationRef, spec: IntegrationSpec, now: datetime) -> None:
    """Give it a definition that reads and writes the same: what was read before still counts."""
    await db.execute(
        update(integrations)
        .where(_is(ref))
        .values(spec=spec.model_dump(mode="json", by_alias=True), changed_at=now)
    )


async def switch(db: AsyncConnection, ref: IntegrationRef, *, enabled: bool) -> None:
    """Enable or disable it."""
    await db.execute(update(integrations).where(_is(ref)).values(enabled=enabled, planned=False))


async def unplanned(db: AsyncConnection) -> Sequence[IntegrationRef]:
    """Those that are enabled and whose next moments are not worked out since they were last changed."""
    query = select(integrations.c.tenant, integrations.c.name).where(
        integrations.c.enabled, integrations.c.planned.is_(False)
    )
    return [IntegrationRef(row.tenant, row.name) for row in await db.execute(query)]


async def replan(db: AsyncConnection, *refs: IntegrationRef) -> None:
    """Let the next moments of these be worked out anew."""
    if refs:
        await db.execute(_REPLANNED, [_key(ref) for ref in refs])


async def planned(db: AsyncConnection, refs: Collection[IntegrationRef]) -> None:
    """The next moments of these are worked out."""
    these_ones = among(integrations.c.tenant, integrations.c.name, refs)
    await db.execute(update(integrations).where(these_ones).values(planned=True))


async def opened(db: AsyncConnection, refs: Collection[IntegrationRef], now: datetime) -> None:
    """Remember when the latest run of each of these was opened."""
    if refs:
        await db.execute(_OPENED, [{**_key(ref), "last_opened_at": now} for ref in refs])


async def succeeded(db: AsyncConnection, refs: Collection[IntegrationRef], now: datetime) -> None:
    """Remember when a run of each of these last reached both the tool and Halo."""
    if refs:
        these_ones = among(integrations.c.tenant, integrations.c.name, refs)
        await db.execute(update(integrations).where(these_ones).values(last_success=now))


async def next_fence(db: AsyncConnection, ref: IntegrationRef) -> int:
    """A fence higher than all before."""
    fence: int | None = await db.scalar(
        update(integrations)
        .where(_is(ref))
        .values(fence=integrations.c.fence + 1)
        .returning(integrations.c.fence)
    )
    if fence is None:
        raise NotFound(f"There is no integration '{ref}'.")
    return fence


async def granted(db: AsyncConnection, attempts: Iterable[Run]) -> None:
    """Remember the fence and the agent of the attempts that begin."""
    begun = [
        {**_key(run.ref), "fence": run.fence, "last_fence": run.fence, "last_agent": run.agent}
        for run in attempts
    ]
    if begun:
        await db.execute(update(integrations).where(_KEYED), begun)


async def read_up_to(db: AsyncConnection, read: Iterable[tuple[IntegrationRef, int, Cursors]]) -> None:
    """Remember where the next read starts, unless the definition was changed after this fence was granted."""
    cursors = [{**_key(ref), "granted": fence, "cursors": cursors} for ref, fence, cursors in read]
    if cursors:
        unchanged = integrations.c.fence == bindparam("granted")
        await db.execute(update(integrations).where(_KEYED, unchanged), cursors)


async def escrowed(db: AsyncConnection, kept: Iterable[tuple[IntegrationRef, int]]) -> None:
    """Remember how many records that failed the agent of each keeps."""
    records = [{**_key(ref), "escrowed": many} for ref, many in kept]
    if records:
        await db.execute(update(integrations).where(_KEYED), records)


_KEYED = and_(integrations.c.tenant == bindparam("of_tenant"), integrations.c.name == bindparam("of_name"))
_REPLANNED = update(integrations).where(_KEYED).values(planned=False)
_OPENED = update(integrations).where(_KEYED).values(last_opened_at=bindparam("last_opened_at"))


def _key(ref: IntegrationRef) -> dict[str, str]:
    return {"of_tenant": ref.tenant, "of_name": ref.name}


def _is(ref: IntegrationRef) -> ColumnElement[bool]:
    return and_(integrations.c.tenant == ref.tenant, integrations.c.name == ref.name)
