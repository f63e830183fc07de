"""The next moments of every series, and what became of those that have passed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.scheduling.nouns import Fate, Past, Planned
from halo_controller.store.tables import integrations, occurrences, schedules
from halo_shared.identifiers import IntegrationRef
from halo_shared.runs import Mode

KEPT: Final = 200
"""Passed moments that are kept of each integration."""


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
    return sorted(found, key=lambda one: (one.mode is Mode.DELTA, one.mode is Mode.FULL))


async def of(db: AsyncConnection, ref: IntegrationRef) -> Sequence[Planned]:
    """The next moment of each of its series, soonest first."""
    query = select(schedules).where(_is(schedules, ref)).order_by(schedules.c.at)
    return [Planned.model_validate(row) for row in (await db.execute(query)).mappings()]


async def soonest(db: AsyncConnection) -> dict[IntegrationRef, Planned]:
    """The next moment of every integration that has one."""
    query = select(schedules).order_by(schedules.c.at.desc())
    found = [Planned.model_validate(row) for row in (await db.execute(query)).mappings()]
    return {one.ref: one for one in found}


async def put(db: AsyncConnection, planned: Planned) -> None:
    """This is the next moment of its series."""
    await drop(db, planned.ref, planned.mode)
    await db.execute(insert(schedules).values(**planned.model_dump()))


async def drop(db: AsyncConnection, ref: IntegrationRef, mode: Mode | None = None) -> None:
    """The series has no next moment any more; without a mode, none has."""
    query = delete(schedules).where(_is(schedules, ref))
    await db.execute(query if mode is None else query.where(schedules.c.mode == mode))


async def record(db: AsyncConnection, past: Past) -> None:
    """Keep what became of a moment; one that passed for the same reason as the one before is counted with it."""
    last = await latest(db, IntegrationRef(past.tenant, past.integration), past.mode)
    if last and past.fate is not Fate.OPENED and (last[1].fate, last[1].reason) == (past.fate, past.reason):
        await db.execute(
            update(occurrences)
            .where(occurrences.c.id == last[0])
            .values(until=past.until, times=last[1].times + past.times)
        )
        return
    await db.execute(insert(occurrences).values(**past.model_dump()))
    await _prune(db, IntegrationRef(past.tenant, past.integration))


async def latest(db: AsyncConnection, ref: IntegrationRef, mode: Mode) -> tuple[int, Past] | None:
    """What became of the latest moment of a series, and its number."""
    query = (
        select(occurrences)
        .where(_is(occurrences, ref), occurrences.c.mode == mode)
        .order_by(occurrences.c.id.desc())
        .limit(1)
    )
    row = (await db.execute(query)).mappings().one_or_none()
    return (row["id"], _past(row)) if row else None


async def passed(db: AsyncConnection, ref: IntegrationRef, limit: int = 50) -> Sequence[Past]:
    """What became of the latest moments of all its series, newest first."""
    query = select(occurrences).where(_is(occurrences, ref)).order_by(occurrences.c.id.desc()).limit(limit)
    return [_past(row) for row in (await db.execute(query)).mappings()]


async def _prune(db: AsyncConnection, ref: IntegrationRef) -> None:
    kept = (
        select(occurrences.c.id)
        .where(_is(occurrences, ref))
        .order_by(occurrences.c.id.desc())
        .offset(KEPT)
        .limit(1)
    )
    oldest = await db.scalar(kept)
    if oldest is not None:
        await db.execute(delete(occurrences).where(_is(occurrences, ref), occurrences.c.id <= oldest))


def _past(row: Any) -> Past:  # Any: a row as a mapping
    return Past.model_validate(row)


def _is(table: Table, ref: IntegrationRef) -> ColumnElement[bool]:
    return and_(table.c.tenant == ref.tenant, table.c.integration == ref.name)
