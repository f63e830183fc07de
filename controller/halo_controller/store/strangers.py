"""Programs that call themselves agents and cannot be answered as such: nobody registered them, or they speak otherwise."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.nouns import Stranger
from halo_controller.store.tables import strangers

KEPT_FOR: Final = timedelta(days=1)
MOST: Final = 100
"""Anybody with a broker account can make up names."""


async def note(db: AsyncConnection, name: str, why: str, now: datetime) -> None:
    """Keep that one was heard, and why it is none of ours."""
    await db.execute(delete(strangers).where(strangers.c.heard_at < now - KEPT_FOR))
    values = {"why": why, "heard_at": now}
    known = await db.execute(update(strangers).where(strangers.c.name == name).values(values))
    if not known.rowcount and len(await every(db)) < MOST:
        await db.execute(insert(strangers).values(name=name, **values))


async def forget(db: AsyncConnection, names: Collection[str]) -> None:
    """They are ours now."""
    if names:
        await db.execute(delete(strangers).where(strangers.c.name.in_(names)))


async def every(db: AsyncConnection) -> Sequence[Stranger]:
    """Who was heard lately, by name."""
    rows = (await db.execute(select(strangers).order_by(strangers.c.name))).mappings()
    return [Stranger.model_validate(row) for row in rows]
