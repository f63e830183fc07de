"""Events on their way out: kept on disk until the broker has confirmed them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import aiosqlite

from halo_agent.store.files import opened, to_its_end, transaction
from halo_shared import logs
from halo_shared.messages.codec import Envelope, seal, unseal
from halo_shared.messages.events import EVENTS, Event, Finished, Level, Logged, Origin, Progress, Started
from halo_shared.topology import Address, to_monitors

log = logs.get(__name__)

STEPS: Final = (
    """
    CREATE TABLE spool (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        rank INTEGER NOT NULL,
        message_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        exchange TEXT NOT NULL,
        key TEXT NOT NULL,
        body BLOB NOT NULL
    );
    CREATE INDEX spool_rank ON spool (rank DESC, id)
    """,
)


@dataclass(frozen=True, slots=True)
class Spooled:
    """One event that waits."""

    id: int
    envelope: Envelope
    to: Address


@dataclass(frozen=True, slots=True)
class _GivenUp:
    """Events of one attempt that were not kept."""

    events: int
    last: Event


class Outbox:
    """A bounded spool: when it is full, the least telling and oldest event gives way, and is counted."""

    def __init__(self, db: aiosqlite.Connection, limit: int, waiting: int) -> None:
        self._db = db
        self._limit = limit
        self._writer = asyncio.Lock()
        self._news = asyncio.Event()
        self.waiting = waiting
        """How many events wait."""
        if waiting:
            self._news.set()
        self.dropped = 0
        """How many events gave way or were refused since the start."""
        self._untold: dict[Origin, _GivenUp] = {}

    async def put(self, event: Event) -> None:
        """Keep an event until the broker has it."""
        await to_its_end(self._put(event))

    async def oldest(self, limit: int) -> Sequence[Spooled]:
        """What has waited longest."""
        rows = await self._db.execute_fetchall(
            "SELECT id, message_id, kind, body, exchange, key FROM spool ORDER BY id LIMIT ?", (limit,)
        )
        return [Spooled(row[0], Envelope(row[1], row[2], row[3]), Address(row[4], row[5])) for row in rows]

    async def drop(self, sent: Sequence[Spooled]) -> None:
        """Forget what the broker has confirmed."""
        await to_its_end(self._drop(sent))
        if self._untold and self.waiting < self._limit // 2:  # else what is told would push more out
            await self._tell()

    async def give_up(self, refused: Spooled) -> None:
        """Forget what the broker will never take, and count it."""
        self._count(refused.envelope.body)
        await self.drop([refused])

    async def news(self) -> None:
        """Return once there is something to send."""
        await self._news.wait()
        self._news.clear()

    async def _put(self, event: Event) -> None:
        envelope, to = seal(event, message_id=str(event.id)), to_monitors(event)
        async with self._writer:
            async with transaction(self._db):
                await self._db.execute(
                    "INSERT INTO spool (rank, message_id, kind, exchange, key, body) VALUES (?, ?, ?, ?, ?, ?)",
                    (_rank(event), envelope.id, envelope.kind, to.exchange, to.key, envelope.body),
                )
                if full := self.waiting >= self._limit:
                    await self._give_way()
            if not full:
                self.waiting += 1
        self._news.set()

    async def _drop(self, sent: Sequence[Spooled]) -> None:
        async with self._writer:
            async with transaction(self._db):
                deleted = await self._db.executemany(
                    "DELETE FROM spool WHERE id = ?", [(one.id,) for one in sent]
                )
            # Some may have given way while they were being sent.
            self.waiting -= deleted.rowcount

    async def _give_way(self) -> None:
        gone = await self._db.execute_fetchall(
            "DELETE FROM spool WHERE id = (SELECT id FROM spool ORDER BY rank DESC, id LIMIT 1) RETURNING body"
        )
        for (body,) in gone:
            self._count(body)
        if self.dropped == 1 or self.dropped % 1000 == 0:
            log.warning("events_dropped", dropped=self.dropped, limit=self._limit)

    def _count(self, body: bytes) -> None:
        """One event less, of the attempt that it was about."""
        event = unseal(body, EVENTS)
        before = self._untold.get(event.origin)
        self._untold[event.origin] = _GivenUp((before.events if before else 0) + 1, event)
        self.dropped += 1

    async def _tell(self) -> None:
        """Say of each attempt how many of its events were given up."""
        untold, self._untold = self._untold, {}
        for origin, gone in untold.items():
            many = (
                "1 event of this attempt is"
                if gone.events == 1
                else f"{gone.events:,} events of this attempt are"
            )
            text = f"{many} lost: the spool of agent {origin.agent} was full, or the broker refused them."
            await self.put(
                Logged(
                    id=uuid4(),
                    at=gone.last.at,
                    origin=origin,
                    seq=gone.last.seq,
                    level=Level.WARNING,
                    text=text,
                )
            )


@asynccontextmanager
async def open_outbox(path: Path, limit: int) -> AsyncIterator[Outbox]:
    """The outbox in this file, with what an earlier process left in it."""
    async with opened(path, STEPS) as db:
        rows = list(await db.execute_fetchall("SELECT count(*) FROM spool"))
        yield Outbox(db, limit, waiting=int(rows[0][0]))


def _rank(event: Event) -> int:
    """What gives way last has the lowest rank: states, then errors, then the rest, then progress and debug."""
    match event:
        case Started() | Finished():
            return 0
        case Progress():
            return 3
        case _ if event.level in (Level.WARNING, Level.ERROR):
            return 1
        case _:
            return 3 if event.level is Level.DEBUG else 2
