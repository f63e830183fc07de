"""Messages to people: what was told to whom, what waits, and what became of it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.errors import NotFound
from halo_controller.notifications.message_ids import Name, Opening, name_of
from halo_controller.notifications.nouns import Notification, NotificationState, Occasion, Told
from halo_controller.store.sight import seen
from halo_controller.store.tables import notifications, told


async def add(db: AsyncConnection, notification: Notification) -> None:
    """Have a message sent."""
    await db.execute(insert(notifications).values(_row(notification)))


async def save(db: AsyncConnection, notification: Notification) -> None:
    """Keep what became of a message."""
    await db.execute(
        update(notifications).where(notifications.c.id == notification.id).values(_row(notification))
    )


async def get(db: AsyncConnection, name: str) -> Notification:
    """The message of this id; raises NotFound."""
    query = select(notifications.c.body).where(notifications.c.id == name)
    body = await db.scalar(seen(db, query, notifications.c.tenant))
    if body is None:
        raise NotFound(
            f"There is no notification '{name}'. List them with: halo-controller notifications list"
        )
    return Notification.model_validate(body)


async def named(db: AsyncConnection, name: Name) -> Sequence[Notification]:
    """The messages of this name: an opening has gone to each address of its person."""
    query = select(notifications.c.body).order_by(notifications.c.id)
    match name:
        case Opening(incident, person):
            first = notifications.c.body["topics"][0]["incident"]["id"].as_string()
            query = query.where(notifications.c.person == person, first == incident)
        case str():
            query = query.where(notifications.c.id == name)
    found = [Notification.model_validate(body) for body in await db.scalars(query)]
    return [one for one in found if name in (one.id, name_of(one))]


async def due(db: AsyncConnection, now: datetime, limit: int) -> Sequence[Notification]:
    """What is to be sent now, oldest first."""
    query = (
        select(notifications.c.body)
        .where(notifications.c.state == NotificationState.WAITING, notifications.c.next_at <= now)
        .order_by(notifications.c.created_at, notifications.c.id)
        .limit(limit)
    )
    return [Notification.model_validate(body) for body in await db.scalars(query)]


async def every(
    db: AsyncConnection,
    *,
    person: str | None = None,
    state: NotificationState | None = None,
    limit: int | None = 50,
) -> Sequence[Notification]:
    """The latest messages, newest first."""
    query = select(notifications.c.body).order_by(notifications.c.created_at.desc(), notifications.c.id)
    if person is not None:
        query = query.where(notifications.c.person == person)
    if state is not None:
        query = query.where(notifications.c.state == state)
    query = seen(db, query, notifications.c.tenant).limit(limit)
    return [Notification.model_validate(body) for body in await db.scalars(query)]


async def remember(db: AsyncConnection, incident: str, person: str, occasion: Occasion, at: datetime) -> None:
    """A person is told of this, once and for all."""
    await db.execute(insert(told).values(incident=incident, person=person, occasion=occasion, at=at))


async def reference(db: AsyncConnection, incident: str, person: str) -> str:
    """What the other side knows the thread of this incident by; empty when it knows none."""
    query = select(func.max(told.c.reference)).where(told.c.incident == incident, told.c.person == person)
    return await db.scalar(query) or ""


async def refer(db: AsyncConnection, incident: str, person: str, name: str) -> None:
    """Remember what the other side knows the thread of this incident by."""
    await db.execute(
        update(told).where(told.c.incident == incident, told.c.person == person).values(reference=name)
    )


async def told_of(db: AsyncConnection, incidents: Collection[str]) -> dict[tuple[str, str], list[Told]]:
    """What each person was told of these incidents."""
    rows = await db.execute(select(told).where(told.c.incident.in_(incidents)).order_by(told.c.at))
    found: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for row in rows.mappings():
        found[row["person"], row["incident"]].append(Told.model_validate(row))
    return found


async def moments(db: AsyncConnection, since: datetime, until: datetime) -> dict[str, list[datetime]]:
    """When each person was told of anything between these; a message through two channels is one."""
    query = (
        select(notifications.c.person, notifications.c.created_at)
        .where(notifications.c.created_at > since, notifications.c.created_at <= until)
        .group_by(notifications.c.person, notifications.c.created_at)
    )
    found: dict[str, list[datetime]] = defaultdict(list)
    for row in await db.execute(query):
        found[row.person].append(row.created_at)
    return found


async def count(db: AsyncConnection) -> dict[str, int]:
    """How many messages there are in each state."""
    query = select(notifications.c.state, func.count().label("messages")).group_by(notifications.c.state)
    return {row.state: row.messages for row in await db.execute(query)}


async def forget(db: AsyncConnection, before: datetime) -> None:
    """Drop messages that were written before this moment and wait no longer."""
    over = notifications.c.state != NotificationState.WAITING
    await db.execute(delete(notifications).where(notifications.c.created_at < before, over))


def _row(notification: Notification) -> dict[str, Any]:  # Any: one value per column
    return {
        "id": notification.id,
        "person": notification.person,
        "tenant": notification.tenant,
        "state": notification.state,
        "created_at": notification.created_at,
        "next_at": notification.next_at,
        "body": notification.model_dump(mode="json", by_alias=True),
    }
