"""Which of several controllers leads: one row, whose epoch every write of the leader's is checked against."""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.errors import LeadershipLost
from halo_controller.store.tables import leaders


class Leader(NamedTuple):
    """Who leads, and since which change of leadership."""

    holder: UUID
    name: str
    epoch: int


async def claim(db: AsyncConnection, holder: UUID, name: str, term: timedelta) -> Leader:
    """Lead for a term from now on, or go on leading, unless somebody else does; answers with who leads.

    The database's own clock decides, so that those of the machines need not agree.
    """
    now = func.clock_timestamp()
    # Going on must not wait for the leader's own transactions, which hold a key's share: so it is no more than an update.
    mine = leaders.c.holder == holder, leaders.c.until >= now
    going_on = update(leaders).where(*mine).values(until=now + term).returning(leaders.c.epoch)
    if (same := await db.scalar(going_on)) is not None:
        return Leader(holder, name, same)
    found = select(leaders, (leaders.c.until < now).label("over")).with_for_update()
    row = (await db.execute(found)).one_or_none()
    if row is None:
        await _found(db, holder, name)
        row = (await db.execute(found)).one()
    if row.holder != holder and not row.over:
        return Leader(row.holder, row.name, row.epoch)
    epoch = row.epoch + 1 if row.over else row.epoch
    await db.execute(update(leaders).values(holder=holder, name=name, until=now + term, epoch=epoch))
    return Leader(holder, name, epoch)


async def resign(db: AsyncConnection, holder: UUID) -> None:
    """Let another lead at once, where this one does."""
    await db.execute(update(leaders).where(leaders.c.holder == holder).values(until=func.clock_timestamp()))


async def check(db: AsyncConnection, *, epoch: int) -> None:
    """Raise LeadershipLost unless this is still the epoch; it stays so until the transaction ends."""
    now = await db.scalar(select(leaders.c.epoch).with_for_update(read=True, key_share=True))
    if now != epoch:
        raise LeadershipLost(f"Another controller leads by now (epoch {now}, ours was {epoch}).")


async def current(db: AsyncConnection) -> Leader | None:
    """Who leads; None where nobody ever did, as on a database of a single controller."""
    row = (await db.execute(select(leaders))).one_or_none()
    return Leader(row.holder, row.name, row.epoch) if row else None


async def _found(db: AsyncConnection, holder: UUID, name: str) -> None:
    """Make the row, as one whose term is over; another may be quicker."""
    over = func.clock_timestamp() - timedelta(seconds=1)
    try:
        async with db.begin_nested():
            await db.execute(insert(leaders).values(id=1, epoch=0, holder=holder, name=name, until=over))
    except IntegrityError:
        return
