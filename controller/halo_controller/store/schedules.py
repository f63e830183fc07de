"""The next moments of every series, and what became of those that have passed."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Row,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.scheduling.nouns import THOROUGH, Fate, Past, Planned
from halo_controller.store.rows import among, insert_of
from halo_controller.store.tables import integrations, occurrences, schedules
from halo_shared.identifiers import IntegrationRef
from halo_shared.runs import Mode

KEPT: Final = 200
"""Passed moments that are kept of each integration."""
_NEWEST_FIRST: Final = (occurrences.c.until.desc(), occurrences.c.id.desc())
"""A row that others are counted with is as new as the last of them."""


async def due(db: AsyncConnection, now: datetime) -> Sequence[Planned]:
    """What has come, of integrations that are enabled; the most thorough of each first."""
    query = (
        select(schedules)
        .join(
            integrations,
            and_(
                schedules.c.tenant == integrations.c.tenant,
                schedules.c.integration == integrations.c.name,
            ),
        )
        .where(schedules.c.at <= now, integrations.c.enabled, integrations.c.planned)
        .order_by(schedules.c.at)
    )
    found = [Planned.model_validate(row) for row in (await db.execute(query)).mappings()]
    return sorted(found, key=lambda one: THOROUGH.index(one.mode))


async def of(db: AsyncConnection, *refs: IntegrationRef) -> Sequence[Planned]:
    """The next moment of each series of these, soonest first."""
    query = select(schedules).where(_of(schedules, refs)).order_by(schedules.c.at)
    return [Planned.model_validate(row) for row in (await db.execute(query)).mappings()]


async def every(db: AsyncConnection) -> dict[IntegrationRef, list[Planned]]:
    """The next moment of each series of all integrations, soonest first."""
    query = select(schedules).order_by(schedules.c.at)
    found: defaultdict[IntegrationRef, list[Planned]] = defaultdict(list)
    for row in (await db.execute(query)).mappings():
        planned = Planned.model_validate(row)
        found[planned.ref].append(planned)
    return found


async def put(db: AsyncConnection, *planned: Planned) -> None:
    """These are the next moments of their series."""
    if planned:
        kept = insert_of(db, schedules)
        anew = {name: kept.excluded[name] for name in ("at", "clocks_change", "waiting")}
        upsert = kept.on_conflict_do_update(index_elements=schedules.primary_key.columns, set_=anew)
        await db.execute(upsert, [one.model_dump() for one in planned])


async def end(db: AsyncConnection, *series: tuple[IntegrationRef, Mode]) -> None:
    """These series have no next moment any more."""
    if series:
        keys = [(ref.tenant, ref.name, mode) for ref, mode in series]
        await db.execute(delete(schedules).where(tuple_(*schedules.primary_key.columns).in_(keys)))


async def drop(db: AsyncConnection, *refs: IntegrationRef) -> None:
    """No series of these has a next moment any more."""
    await db.execute(delete(schedules).where(_of(schedules, refs)))


async def record(db: AsyncConnection, *passed: Past) -> None:
    """Keep what became of moments; one that passed for the same reason as the one before is counted with it.

    No two of these are of one series.
    """
    last = await _latest(db, {past.ref for past in passed if past.fate is not Fate.OPENED})
    again: list[dict[str, object]] = []
    fresh: list[Past] = []
    for past in passed:
        before = last.get((past.ref, past.mode))
        if (
            before
            and past.fate is not Fate.OPENED
            and (before.fate, before.reason) == (past.fate, past.reason)
        ):
            again.append({"number": before.id, "until": past.until, "times": before.times + past.times})
        else:
            fresh.append(past)
    if again:
        await db.execute(update(occurrences).where(occurrences.c.id == bindparam("number")), again)
    if fresh:
        await db.execute(insert(occurrences), [past.model_dump() for past in fresh])
        await _prune(db, {past.ref for past in fresh})


async def passed(db: AsyncConnection, ref: IntegrationRef, limit: int = 50) -> Sequence[Past]:
    """What became of the latest moments of all its series, newest first."""
    query = select(occurrences).where(_of(occurrences, {ref})).order_by(*_NEWEST_FIRST).limit(limit)
    return [Past.model_validate(row) for row in (await db.execute(query)).mappings()]


async def _latest(
    db: AsyncConnection, refs: Collection[IntegrationRef]
) -> dict[tuple[IntegrationRef, Mode], Row[Any]]:  # Any: whatever its columns are
    """What became of the latest moment of each series of these."""
    if not refs:
        return {}
    series = (occurrences.c.tenant, occurrences.c.integration, occurrences.c.mode)
    numbers = select(func.max(occurrences.c.id)).where(_of(occurrences, refs)).group_by(*series)
    rows = await db.execute(select(occurrences).where(occurrences.c.id.in_(numbers)))
    return {(IntegrationRef(row.tenant, row.integration), Mode(row.mode)): row for row in rows}


async def _prune(db: AsyncConnection, refs: Collection[IntegrationRef]) -> None:
    newest_first = func.row_number().over(
        partition_by=(occurrences.c.tenant, occurrences.c.integration), order_by=_NEWEST_FIRST
    )
    numbered = select(occurrences.c.id, newest_first.label("place")).where(_of(occurrences, refs)).subquery()
    too_many = select(numbered.c.id).where(numbered.c.place > KEPT)
    await db.execute(delete(occurrences).where(occurrences.c.id.in_(too_many)))


def _of(table: Table, refs: Collection[IntegrationRef]) -> ColumnElement[bool]:
    return among(table.c.tenant, table.c.integration, refs)
