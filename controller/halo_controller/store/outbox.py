"""What is to be published: written with the change that it tells of, deleted when the broker has it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.store.tables import outbox
from halo_shared.messages.codec import Envelope
from halo_shared.topology import Address


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message that waits to be published."""

    id: int
    envelope: Envelope
    to: Address
    run: str | None
    """The run whose job it is; None for all other messages."""
    expires_at: datetime | None
    """When nobody waits for it any more; None for what is of use however late it comes."""


async def put(db: AsyncConnection, envelope: Envelope, to: Address, *, run: str | None = None) -> int:
    """Publish this once the transaction is through; answers with its number."""
    put = await db.execute(insert(outbox).returning(outbox.c.id), _row(envelope, to, run))
    number: int = put.scalar_one()
    return number


async def put_all(
    db: AsyncConnection, messages: Sequence[tuple[Envelope, Address]], expires_at: datetime
) -> None:
    """Publish these, in their order, once the transaction is through, unless that is too late."""
    if messages:
        await db.execute(
            insert(outbox),
            [{**_row(envelope, to, None), "expires_at": expires_at} for envelope, to in messages],
        )


async def oldest(db: AsyncConnection, limit: int, *, after: int = 0) -> Sequence[Outgoing]:
    """What has waited longest, of all that was put after this one."""
    rows = await db.execute(select(outbox).where(outbox.c.id > after).order_by(outbox.c.id).limit(limit))
    return [
        Outgoing(
            row.id,
            Envelope(row.message_id, row.kind, row.body, row.traceparent),
            Address(row.exchange, row.key),
            row.run,
            row.expires_at,
        )
        for row in rows
    ]


async def drop(db: AsyncConnection, ids: Collection[int]) -> None:
    """Forget what the broker has confirmed."""
    await db.execute(delete(outbox).where(outbox.c.id.in_(ids)))


async def count(db: AsyncConnection) -> int:
    """How many messages wait for the broker."""
    return await db.scalar(select(func.count()).select_from(outbox)) or 0


def _row(envelope: Envelope, to: Address, run: str | None) -> dict[str, object]:
    return {
        "exchange": to.exchange,
        "key": to.key,
        "message_id": envelope.id,
        "kind": envelope.kind,
        "body": envelope.body,
        "traceparent": envelope.traceparent,
        "run": run,
    }
