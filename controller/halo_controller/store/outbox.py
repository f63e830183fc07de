"""What is to be published: written with the change that it tells of, deleted when the broker has it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.store.tables import outbox
from halo_shared.messages.codec import Envelope
from halo_shared.topology import Address


@dataclass(frozen=True, slots=True)
class Posting:
    """One message that is to be published."""

    envelope: Envelope
    to: Address
    run: str | None = None
    """The run whose job it is; None for all other messages."""
    expires_at: datetime | None = None
    """When nobody waits for it any more; None for what is of use however late it comes."""


@dataclass(frozen=True, slots=True)
class Outgoing(Posting):
    """One that waits for it, under a number."""

    id: int = field(kw_only=True)


async def put(db: AsyncConnection, posting: Posting) -> int:
    """Publish this once the transaction is through; answers with its number."""
    put = await db.execute(insert(outbox).returning(outbox.c.id), _row(posting))
    number: int = put.scalar_one()
    return number


async def put_all(db: AsyncConnection, postings: Sequence[Posting]) -> None:
    """Publish these, in their order, once the transaction is through."""
    if postings:
        await db.execute(insert(outbox), [_row(posting) for posting in postings])


async def oldest(db: AsyncConnection, limit: int, *, after: int = 0) -> Sequence[Outgoing]:
    """What has waited longest, of all that was put after this one."""
    rows = await db.execute(select(outbox).where(outbox.c.id > after).order_by(outbox.c.id).limit(limit))
    return [
        Outgoing(
            Envelope(row.message_id, row.kind, row.body, row.traceparent),
            Address(row.exchange, row.key),
            row.run,
            row.expires_at,
            id=row.id,
        )
        for row in rows
    ]


async def drop(db: AsyncConnection, ids: Collection[int]) -> None:
    """Forget what the broker has confirmed."""
    await db.execute(delete(outbox).where(outbox.c.id.in_(ids)))


async def count(db: AsyncConnection) -> int:
    """How many messages wait for the broker."""
    return await db.scalar(select(func.count()).select_from(outbox)) or 0


def _row(posting: Posting) -> dict[str, object]:
    return {
        "exchange": posting.to.exchange,
        "key": posting.to.key,
        "message_id": posting.envelope.id,
        "kind": posting.envelope.kind,
        "body": posting.envelope.body,
        "traceparent": posting.envelope.traceparent,
        "run": posting.run,
        "expires_at": posting.expires_at,
    }
