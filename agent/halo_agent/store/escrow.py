"""The escrow on the agent's disk, beside the links."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import aiosqlite
from pydantic import TypeAdapter

from halo_agent.engine.batches import BATCH
from halo_agent.engine.escrow import Kept, pause, print_of
from halo_agent.store.files import to_its_end, transaction
from halo_shared.clock import Clock
from halo_shared.entities import EntityKind
from halo_shared.identifiers import IntegrationRef

MOST: Final = 5_000
"""Records of one integration that are kept; beyond that it is not single records that fail."""
KEPT: TypeAdapter[Kept] = TypeAdapter(Kept)

STEP: Final = """
    CREATE TABLE escrow (
        tenant TEXT NOT NULL,
        integration TEXT NOT NULL,
        kind TEXT NOT NULL,
        source_id TEXT NOT NULL,
        print TEXT NOT NULL,
        failures INTEGER NOT NULL,
        next_at TEXT NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (tenant, integration, kind, source_id)
    ) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is known of a kept record without reading it."""

    print: str
    failures: int
    next_at: datetime


class IntegrationEscrow:
    """The engine's Escrow for one attempt."""

    def __init__(
        self,
        db: aiosqlite.Connection,
        writer: asyncio.Lock,
        ref: IntegrationRef,
        clock: Clock,
        entries: dict[tuple[str, str], _Entry],
    ) -> None:
        self._db = db
        self._writer = writer
        self._ref = ref
        self._clock = clock
        self._entries = entries
        self.overfull = False

    @classmethod
    async def opened(
        cls, db: aiosqlite.Connection, writer: asyncio.Lock, ref: IntegrationRef, clock: Clock
    ) -> "IntegrationEscrow":
        """As it lies on the disk."""
        query = "SELECT kind, source_id, print, failures, next_at FROM escrow WHERE tenant = ? AND integration = ?"
        rows = await db.execute_fetchall(query, ref)
        entries = {
            (kind, source_id): _Entry(known, failures, datetime.fromisoformat(next_at))
            for kind, source_id, known, failures, next_at in map(tuple, rows)
        }
        return cls(db, writer, ref, clock, entries)

    @property
    def size(self) -> int:
        return len(self._entries)

    async def keep(self, kind: EntityKind, failed: Mapping[str, Kept]) -> None:
        now = self._clock.now()
        rows = []
        for source_id, what in failed.items():
            before = self._entries.get((kind, source_id))
            if before is None and len(self._entries) >= MOST:
                self.overfull = True
                continue
            same = before is not None and before.print == print_of(what)
            failures = before.failures + 1 if before and same else 1
            entry = _Entry(print_of(what), failures, now + pause(failures))
            self._entries[kind, source_id] = entry
            body = KEPT.dump_json(what)
            rows.append((*self._ref, kind, source_id, entry.print, failures, entry.next_at.isoformat(), body))
        if rows:
            await to_its_end(
                self._write("INSERT OR REPLACE INTO escrow VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            )

    async def release(self, kind: EntityKind, source_ids: Collection[str]) -> None:
        known = [source_id for source_id in source_ids if self._entries.pop((kind, source_id), None)]
        if known:
            forget = "DELETE FROM escrow WHERE tenant = ? AND integration = ? AND kind = ? AND source_id = ?"
            await to_its_end(self._write(forget, [(*self._ref, kind, source_id) for source_id in known]))

    def holds_back(self, kind: EntityKind, source_id: str, what: Kept) -> bool:
        entry = self._entries.get((kind, source_id))
        return entry is not None and entry.next_at > self._clock.now() and entry.print == print_of(what)

    async def ids(self, kind: EntityKind) -> AsyncIterator[Sequence[str]]:
        for some in _batches(list(self._of(kind))):
            yield some

    async def due(self, kind: EntityKind) -> AsyncIterator[Mapping[str, Kept]]:
        now = self._clock.now()
        wanted = [source_id for source_id, entry in self._of(kind).items() if entry.next_at <= now]
        for some in _batches(wanted):
            marks = ", ".join("?" * len(some))
            query = f"""SELECT source_id, body FROM escrow
                WHERE tenant = ? AND integration = ? AND kind = ? AND source_id IN ({marks})"""  # noqa: S608 - no value is pasted in
            rows = await self._db.execute_fetchall(query, (*self._ref, kind, *some))
            yield {row[0]: KEPT.validate_json(row[1]) for row in rows}

    def resting(self, kind: EntityKind) -> Sequence[str]:
        now = self._clock.now()
        return [source_id for source_id, entry in self._of(kind).items() if entry.next_at > now]

    def _of(self, kind: EntityKind) -> dict[str, _Entry]:
        return {source_id: entry for (known, source_id), entry in self._entries.items() if known == kind}

    async def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        async with self._writer, transaction(self._db):
            await self._db.executemany(statement, rows)


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]
