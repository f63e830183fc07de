"""What counts elapsed time, moved along when the clock is set: as much is left of it, and passed, as before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Column, ColumnElement, Table, and_, bindparam, exists, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.hosting.reading import every_times
from halo_controller.notifications.nouns import NotificationState
from halo_controller.scheduling.nouns import Planned
from halo_controller.store import incidents, integrations, notifications, schedules, standings
from halo_controller.store.tables import agents, outbox, runs, told
from halo_controller.store.tables import incidents as incident_rows
from halo_controller.store.tables import integrations as integration_rows
from halo_shared.identifiers import IntegrationRef
from halo_shared.runs import Mode


@dataclass(frozen=True, slots=True)
class _Elapsing:
    """Columns of some rows."""

    table: Table
    columns: tuple[str, ...]
    rows: ColumnElement[bool]


_COLUMNS: Final = (  # in the order of `holding`
    _Elapsing(agents, ("seen_at",), true()),
    _Elapsing(
        runs,
        ("lease_until", "unheld_since", "deadline", "dispatched_at", "queued_at"),
        runs.c.ended_at.is_(None),
    ),
    _Elapsing(outbox, ("expires_at",), true()),
    _Elapsing(integration_rows, ("last_opened_at",), true()),
    _Elapsing(
        told,
        ("at",),
        exists().where(incident_rows.c.id == told.c.incident, incident_rows.c.recovered_at.is_(None)),
    ),
)


async def move(db: AsyncConnection, by: timedelta) -> None:
    """The clock was set by so much: move all of it, and leave alone what a clock on the wall decides."""
    for one in _COLUMNS:
        for column in one.columns:
            await _move_column(db, one.table, one.table.c[column], one.rows, by)
    await _move_intervals(db, by)
    await _move_standings(db, by)
    await _move_telling(db, by)


async def _move_column(
    db: AsyncConnection, table: Table, column: Column[datetime], rows: ColumnElement[bool], by: timedelta
) -> None:
    keys: Sequence[Column[str]] = list(table.primary_key.columns)
    found = (await db.execute(select(column, *keys).where(column.is_not(None), rows).order_by(*keys))).all()
    if not found:
        return
    is_it = and_(*(key == bindparam(f"key_{place}") for place, key in enumerate(keys)))
    moved = [
        {"moved": at + by, **{f"key_{place}": value for place, value in enumerate(key)}} for at, *key in found
    ]
    await db.execute(update(table).where(is_it).values({column.name: bindparam("moved")}), moved)


async def _move_intervals(db: AsyncConnection, by: timedelta) -> None:
    """The next moments of series that count from the run before; those of clocks and calendars stay.

    One that the hours had put off was a clock's. Where there are only intervals, all are planned anew; beside a clock's
    series, which would lose what has come meanwhile, it counts from the latest run and is put off again when it comes.
    """
    known = await integrations.every(db)
    planned, hosted = await schedules.every(db), await every_times(db, known)
    moved: list[Planned] = []
    only_intervals: list[IntegrationRef] = []
    for one in known:
        of_host = hosted.get(one.ref)
        schedule = of_host.schedule if of_host else one.spec.schedule
        intervals = (
            {mode: timing.every for mode, timing in schedule.cycles if timing.every} if schedule else {}
        )
        if schedule and len(intervals) == len(list(schedule.cycles)):
            only_intervals.append(one.ref)
        for moment in planned.get(one.ref, ()):
            if every := intervals.get(moment.mode):
                last = one.last_opened_at if moment.mode is Mode.DELTA else None  # moved along already
                moved.append(moment.model_copy(update={"at": last + every if last else moment.at + by}))
    await schedules.put(db, *moved)
    await integrations.replan(db, *only_intervals)


async def _move_standings(db: AsyncConnection, by: timedelta) -> None:
    for ref, standing in (await standings.every(db)).items():
        waits = {
            name: at + by
            for name, at in (("retry_at", standing.retry_at), ("not_before", standing.not_before))
            if at
        }
        if waits:
            await standings.save(db, ref, standing.model_copy(update=waits))


async def _move_telling(db: AsyncConnection, by: timedelta) -> None:
    for incident in await incidents.every(db, limit=None):
        since = {"opened_at": incident.opened_at + by, "seen_at": incident.seen_at + by}
        await incidents.save(db, incident.model_copy(update=since))
    for waiting in await notifications.every(db, state=NotificationState.WAITING, limit=None):
        await notifications.save(db, waiting.model_copy(update={"next_at": waiting.next_at + by}))
