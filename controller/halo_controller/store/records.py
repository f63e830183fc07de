"""What became of single records: kept as long as their tenant wants, and found by whatever people know of one."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.errors import NotFound
from halo_controller.nouns import Record
from halo_controller.store.sight import seen
from halo_controller.store.tables import record_keys, records
from halo_shared.entities import EntityKind
from halo_shared.messages.events import Outcomes
from halo_shared.outcomes import Outcome, Result

KEY_LONGEST: Final = 200
ROWS: Final = 5_000
"""Rows that go into one statement, or out of the table in one transaction."""


async def known(db: AsyncConnection, events: Collection[UUID]) -> Collection[UUID]:
    """Which of these messages were stored before."""
    if not events:
        return ()
    query = select(records.c.event).where(records.c.event.in_(events)).distinct()
    return (await db.scalars(query)).all()


async def add(db: AsyncConnection, said: Iterable[Outcomes]) -> None:
    """Keep these outcomes, each with the values by which it is found."""
    told = [(event, outcome) for event in said for outcome in event.outcomes]
    if not told:
        return
    ids = await db.scalars(
        insert(records).returning(records.c.id, sort_by_parameter_order=True),
        [_row(event, outcome) for event, outcome in told],
    )
    keys = [
        {"key": key, "record": id_}
        for id_, (_, outcome) in zip(ids.all(), told, strict=True)
        for key in _keys(outcome)
    ]
    await db.execute(insert(record_keys), keys)


async def find(
    db: AsyncConnection, key: str, *, tenant: str | None = None, limit: int = 50
) -> Sequence[Record]:
    """The outcomes of the records that have this id, name or value; the newest first."""
    matching = select(record_keys.c.record).where(record_keys.c.key == comparable(key))
    query = select(records).where(records.c.id.in_(matching)).order_by(records.c.id.desc()).limit(limit)
    if tenant is not None:
        query = query.where(records.c.tenant == tenant)
    rows = await db.execute(seen(db, query, records.c.tenant))
    return [_record(row) for row in rows.mappings()]


async def get(db: AsyncConnection, id_: int) -> Record:
    """One outcome; raises NotFound."""
    query = seen(db, select(records).where(records.c.id == id_), records.c.tenant)
    row = (await db.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(
            f"There is no record {id_}; it may have been kept long enough. "
            "Look for one with: halo-controller records find KEY"
        )
    return _record(row)


async def of_run(
    db: AsyncConnection,
    run: str,
    *,
    result: Result | None = None,
    entity: EntityKind | None = None,
    after: int = 0,
    limit: int = 1_000,
) -> Sequence[Record]:
    """The outcomes of a run in the order in which they were told, from behind this one on."""
    query = select(records).where(records.c.run == run, records.c.id > after)
    if result is not None:
        query = query.where(records.c.result == result)
    if entity is not None:
        query = query.where(records.c.entity == entity)
    rows = (await db.execute(query.order_by(records.c.id).limit(limit))).mappings()
    return [_record(row) for row in rows]


async def forget(db: AsyncConnection, tenant: str, before: datetime | None) -> int:
    """Drop some of what is older than this, or of everything when no time is given; tells how many: none when none are left."""
    old = select(records.c.id).where(records.c.tenant == tenant)
    if before is not None:
        old = old.where(records.c.at < before)
    some = old.order_by(records.c.id).limit(ROWS).scalar_subquery()
    return (await db.execute(delete(records).where(records.c.id.in_(some)))).rowcount


def comparable(key: str) -> str:
    """The form in which keys are compared: capitals do not matter, nor does space around."""
    return key.strip().casefold()[:KEY_LONGEST]


def _keys(outcome: Outcome) -> Iterator[str]:
    halo_id = "" if outcome.halo_id is None else str(outcome.halo_id)
    keys = map(comparable, (outcome.source_id, outcome.name, halo_id, *outcome.keys))
    yield from dict.fromkeys(key for key in keys if key)


def _row(event: Outcomes, outcome: Outcome) -> dict[str, Any]:  # Any: one value per column
    return {
        "event": event.id,
        "tenant": event.origin.tenant,
        "integration": event.origin.integration,
        "run": event.origin.run,
        "attempt": event.attempt,
        "at": event.at,
        "entity": outcome.entity,
        "result": outcome.result,
        "body": outcome.model_dump(mode="json", exclude_defaults=True),
    }


def _record(row: RowMapping) -> Record:
    return Record.model_validate({**row, "outcome": row["body"]})
