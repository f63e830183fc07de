"""Events on their way out: kept on disk until the broker has confirmed them, and in memory while the disk is full."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import aiosqlite

from halo_agent.store.files import opened, to_its_end, transaction
from halo_shared import logs, telemetry
from halo_shared.errors import DiskFull
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
    "ALTER TABLE spool ADD COLUMN traceparent TEXT",
)


IN_MEMORY: Final = 1_000
"""Events that are kept at the most while the disk has no room for them."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """One event that waits."""

    rank: int
    """How little it tells: see `_rank`."""
    envelope: Envelope
    to: Address
    id: int | None = None
    """Its row; None while there is no room for one."""


@dataclass(frozen=True, slots=True)
class _GivenUp:
    """Events of one attempt that were not kept."""

    events: int
    last: Event


class Outbox:
    """A bounded spool: when it is full, the least telling and oldest event gives way, and is counted."""

    def __init__(self, db: aiosqlite.Connection, limit: int, stored: int) -> None:
        self._db = db
        self._limit = limit
        self._stored = stored
        self._unstored: list[Spooled] = []
        """What the full disk has no room for."""
        self._sent: set[int] = set()
        """Rows that are done with, and that the full disk did not let go."""
        self._disk_is_full = False
        self._writer = asyncio.Lock()
        self._news = asyncio.Event()
        if stored:
            self._news.set()
        self.dropped = 0
        """How many events gave way or were refused since the start."""
        self._untold: dict[Origin, _GivenUp] = {}

    @property
    def waiting(self) -> int:
        """How many events wait."""
        return self._stored - len(self._sent) + len(self._unstored)

    async def put(self, event: Event) -> None:
        """Keep an event until the broker has it."""
        await to_its_end(self._put(event))

    async def oldest(self, limit: int) -> Sequence[Spooled]:
        """What has waited longest."""
        async with self._writer:  # a full disk takes back what a writer has not committed
            rows = await self._db.execute_fetchall(
                "SELECT id, rank, message_id, kind, body, traceparent, exchange, key FROM spool ORDER BY id LIMIT ?",
                (limit + len(self._sent),),
            )
        stored = [
            Spooled(row[1], Envelope(*row[2:6]), Address(*row[6:]), row[0])
            for row in rows
            if row[0] not in self._sent
        ]
        return [*stored, *self._unstored][:limit]

    async def drop(self, sent: Sequence[Spooled]) -> None:
        """Forget what the broker has confirmed."""
        await to_its_end(self._drop(sent))
        if self._untold and self.waiting < self._limit // 2:  # else what is told would push more out
            await self._tell()

    async def give_up(self, refused: Spooled) -> None:
        """Forget what the broker will never take, and count it."""
        self._count(refused.envelope.body)
        await self.drop([refused])

    async def close(self) -> None:
        """Write down what was given up, for nobody would know it after a restart; for that there is always a place."""
        self._limit += len(self._untold)
        await self._tell()

    async def news(self) -> None:
        """Return once there is something to send."""
        await self._news.wait()
        self._news.clear()

    async def _put(self, event: Event) -> None:
        # Of all that an attempt says, its beginning and its end have a span: more would bury the rest of the trace.
        traceparent = telemetry.traceparent() if isinstance(event, Started | Finished) else None
        envelope = seal(event, message_id=str(event.id), traceparent=traceparent)
        to = to_monitors(event)
        fresh = Spooled(_rank(event), envelope, to)
        async with self._writer:
            try:
                await self._store([*self._unstored, fresh])
            except DiskFull as error:
                self._note(error)
                self._hold(fresh)
            else:
                self._note(None)
                self._unstored = []
        self._news.set()

    async def _store(self, events: Sequence[Spooled]) -> None:
        """All of them in their order, or none; raises DiskFull."""
        stored = self._stored
        gone: list[tuple[int, bytes]] = []
        async with transaction(self._db):
            for one in events:
                await self._db.execute(
                    "INSERT INTO spool (rank, message_id, kind, body, traceparent, exchange, key) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        one.rank,
                        one.envelope.id,
                        one.envelope.kind,
                        one.envelope.body,
                        one.envelope.traceparent,
                        one.to.exchange,
                        one.to.key,
                    ),
                )
                if stored >= self._limit:
                    gone += await self._give_way()
                else:
                    stored += 1
        self._stored = stored
        for id_, body in gone:
            if id_ in self._sent:
                self._sent.discard(id_)
            else:
                self._count(body)

    def _hold(self, fresh: Spooled) -> None:
        """Keep it in memory; where that is full as well, the least telling and oldest gives way."""
        self._unstored.append(fresh)
        if len(self._unstored) > IN_MEMORY:
            least = max(self._unstored, key=lambda one: one.rank)
            self._unstored.remove(least)
            self._count(least.envelope.body)

    async def _drop(self, sent: Sequence[Spooled]) -> None:
        async with self._writer:
            in_memory = {one.envelope.id for one in sent if one.id is None}
            self._unstored = [one for one in self._unstored if one.envelope.id not in in_memory]
            self._sent |= {one.id for one in sent if one.id is not None}
            try:
                async with transaction(self._db):
                    deleted = await self._db.executemany(
                        "DELETE FROM spool WHERE id = ?", [(id_,) for id_ in self._sent]
                    )
            except DiskFull as error:
                self._note(error)
                return
            # Some may have given way while they were being sent.
            self._stored -= deleted.rowcount
            self._sent.clear()

    async def _give_way(self) -> Iterable[tuple[int, bytes]]:
        gone = await self._db.execute_fetchall(
            "DELETE FROM spool WHERE id = (SELECT id FROM spool ORDER BY rank DESC, id LIMIT 1) RETURNING id, body"
        )
        return [(int(id_), body) for id_, body in gone]

    def _note(self, full: DiskFull | None) -> None:
        """Say when the disk becomes full, and when it is so no more."""
        if full and not self._disk_is_full:
            log.error("disk_full", why=full.message)
        elif self._disk_is_full and not full:
            log.info("disk_has_room", kept_in_memory=len(self._unstored))
        self._disk_is_full = full is not None

    def _count(self, body: bytes) -> None:
        """One event less, of the attempt that it was about."""
        event = unseal(body, EVENTS)
        before = self._untold.get(event.origin)
        self._untold[event.origin] = _GivenUp((before.events if before else 0) + 1, event)
        self.dropped += 1
        if self.dropped == 1 or self.dropped % 1000 == 0:
            log.warning("events_dropped", dropped=self.dropped, limit=self._limit)

    async def _tell(self) -> None:
        """Say of each attempt how many of its events were given up."""
        for origin in list(self._untold):
            gone = self._untold.pop(origin, None)
            if gone is None:
                continue  # another, who told while this one waited, has said so
            many = (
                "1 event of this attempt is"
                if gone.events == 1
                else f"{gone.events:,} events of this attempt are"
            )
            text = f"{many} lost: agent {origin.agent} had no room left, or the broker refused them."
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
        outbox = Outbox(db, limit, stored=int(rows[0][0]))
        try:
            yield outbox
        finally:
            await outbox.close()


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
