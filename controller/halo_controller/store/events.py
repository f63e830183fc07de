"""What was said of runs."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.store.tables import events
from halo_shared.messages.events import EVENTS, Event, Level


async def known(db: AsyncConnection, ids: Collection[UUID]) -> Collection[UUID]:
    """Which of these events were stored before."""
    return (await db.scalars(select(events.c.id).where(events.c.id.in_(ids)))).all()


async def add(db: AsyncConnection, said: Sequence[Event], *, superseded: bool) -> None:
    """Keep these events; a superseded one is a word under an old fence, kept and without effect."""
    if said:
        await db.execute(insert(events), [_row(event, superseded=superseded) for event in said])


async def of_run(
    db: AsyncConnection, run: str, level: Level = Level.DEBUG, limit: int = 1000
) -> Sequence[Event]:
    """What was said of a run at this level or louder, in order."""
    query = (
        select(events.c.body)
        .where(events.c.run == run, events.c.level.in_(level.and_louder))
        .order_by(events.c.at, events.c.fence, events.c.seq)
        .limit(limit)
    )
    return [EVENTS.validate_python(body) for body in await db.scalars(query)]


def _row(event: Event, *, superseded: bool) -> dict[str, Any]:  # Any: one value per column
    return {
        "id": event.id,
        "run": event.origin.run,
        "fence": event.origin.fence,
        "seq": event.seq,
        "at": event.at,
        "kind": event.kind,
        "level": event.level,
        "superseded": superseded,
        "body": event.model_dump(mode="json"),
    }
