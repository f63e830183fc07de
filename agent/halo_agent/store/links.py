"""Which source record is which record in Halo, and what was last written there."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiosqlite

from halo_agent.engine.batches import BATCH
from halo_agent.engine.mapper import comparable_id
from halo_agent.engine.records import NO_WISH, Expected, Link, Place, PlaceIds, Reference, Role
from halo_agent.store.escrow import STEP as ESCROW
from halo_agent.store.escrow import IntegrationEscrow
from halo_agent.store.files import opened, take_steps, to_its_end, transaction
from halo_shared.clock import Clock
from halo_shared.entities import EntityKind
from halo_shared.errors import ConfigurationError
from halo_shared.identifiers import IntegrationRef

STEPS: Final = (
    """
    CREATE TABLE links (
        tenant TEXT NOT NULL,
        integration TEXT NOT NULL,
        kind TEXT NOT NULL,
        source_id TEXT NOT NULL,
        halo_id INTEGER,
        hash TEXT NOT NULL,
        active INTEGER NOT NULL,
        name TEXT NOT NULL,
        fence INTEGER NOT NULL,
        seen INTEGER NOT NULL,
        PRIMARY KEY (tenant, integration, kind, source_id)
    ) WITHOUT ROWID;
    CREATE INDEX links_halo ON links (tenant, kind, halo_id);
    CREATE TABLE attempts (
        tenant TEXT NOT NULL,
        integration TEXT NOT NULL,
        fence INTEGER NOT NULL,
        PRIMARY KEY (tenant, integration)
    ) WITHOUT ROWID
    """,
    """
    ALTER TABLE links DROP COLUMN seen;
    CREATE TABLE expected (
        tenant TEXT NOT NULL,
        integration TEXT NOT NULL,
        kind TEXT NOT NULL,
        source_id TEXT NOT NULL,
        role TEXT NOT NULL,
        to_kind TEXT NOT NULL,
        to_id TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (tenant, integration, kind, source_id, role, to_kind, to_id)
    ) WITHOUT ROWID;
    CREATE TABLE places (
        tenant TEXT NOT NULL,
        integration TEXT NOT NULL,
        client TEXT NOT NULL,
        site TEXT NOT NULL,
        client_id INTEGER NOT NULL,
        site_id INTEGER NOT NULL,
        PRIMARY KEY (tenant, integration, client, site)
    ) WITHOUT ROWID
    """,
    ESCROW,
)

Rows = list[tuple[Any, ...]]  # Any: one value per column

_SCOPE: Final = "tenant = ? AND integration = ? AND kind = ?"
_COLUMNS: Final = "source_id, halo_id, hash, active, name"


class LinkStore:
    """All links this agent knows."""

    def __init__(self, db: aiosqlite.Connection) -> None:
        self._db = db
        self._writer = asyncio.Lock()

    def of(self, ref: IntegrationRef, fence: int) -> "IntegrationLinks":
        """The links of one integration, as one attempt sees and writes them."""
        return IntegrationLinks(self._db, self._writer, ref, fence)

    async def escrow(self, ref: IntegrationRef, clock: Clock) -> IntegrationEscrow:
        """What failed in earlier runs of one integration."""
        return await IntegrationEscrow.opened(self._db, self._writer, ref, clock)


@asynccontextmanager
async def open_links(path: Path) -> AsyncIterator[LinkStore]:
    """The link store in this file."""
    async with opened(path, STEPS) as db:
        yield LinkStore(db)


@asynccontextmanager
async def copied_links(path: Path) -> AsyncIterator[LinkStore]:
    """What the store in this file holds now, in memory: whatever is done to it changes nothing.

    No file is an empty store, and none is made.
    """
    async with aiosqlite.connect(":memory:", isolation_level=None) as copy:
        try:
            if uri := _to_read_only(path):
                async with aiosqlite.connect(uri, uri=True) as db:
                    await db.backup(copy)
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(f"{path} cannot be read: {error}.") from error
        await take_steps(copy, path, STEPS)
        yield LinkStore(copy)


def _to_read_only(path: Path) -> str | None:
    return f"{path.absolute().as_uri()}?mode=ro" if path.exists() else None


class IntegrationLinks:
    """The engine's Links for one attempt."""

    def __init__(
        self, db: aiosqlite.Connection, writer: asyncio.Lock, ref: IntegrationRef, fence: int
    ) -> None:
        self._db = db
        self._writer = writer
        self._ref = ref
        self._fence = fence

    async def take_over(self, previous_fence: int) -> bool:
        """Begin an attempt; True when this agent also made the one before.

        Otherwise another agent may have written since: what was last written is not known any more, and every
        linked record is compared with Halo once.
        """
        query = "SELECT fence FROM attempts WHERE tenant = ? AND integration = ?"
        rows = list(await self._db.execute_fetchall(query, self._ref))
        known = (int(rows[0][0]) if rows else 0) == previous_fence
        async with self._writer, transaction(self._db):
            if not known:
                forget = "UPDATE links SET hash = ? WHERE tenant = ? AND integration = ?"
                await self._db.execute(forget, (NO_WISH, *self._ref))
                for kept in ("expected", "escrow"):
                    await self._db.execute(
                        f"DELETE FROM {kept} WHERE tenant = ? AND integration = ?",  # noqa: S608 - a constant
                        self._ref,
                    )
            await self._db.execute(
                "INSERT OR REPLACE INTO attempts (tenant, integration, fence) VALUES (?, ?, ?)",
                (*self._ref, self._fence),
            )
        return known

    async def find(self, kind: EntityKind, source_ids: Collection[str]) -> dict[str, Link]:
        # One parameter for each: inside a JSON array SQLite would cut a text at its first NUL.
        some = ", ".join("?" * len(source_ids))
        query = f"SELECT {_COLUMNS} FROM links WHERE {_SCOPE} AND source_id IN ({some})"  # noqa: S608 - no value is pasted in
        rows = await self._db.execute_fetchall(query, (*self._scope(kind), *source_ids))
        return {row[0]: _link(kind, row) for row in rows}

    async def active_count(self, kind: EntityKind) -> int:
        query = f"SELECT count(*) FROM links WHERE {_SCOPE} AND active"  # noqa: S608 - no value is pasted in
        rows = list(await self._db.execute_fetchall(query, self._scope(kind)))
        return int(rows[0][0])

    async def taken(self, kind: EntityKind, halo_ids: Collection[int]) -> dict[int, str]:
        query = f"""SELECT halo_id, source_id FROM links
            WHERE {_SCOPE} AND halo_id IN (SELECT value FROM json_each(?))"""  # noqa: S608 - no value is pasted in
        rows = await self._db.execute_fetchall(query, (*self._scope(kind), json.dumps(list(halo_ids))))
        return {int(row[0]): row[1] for row in rows}

    async def save(self, links: Collection[Link]) -> None:
        statement = """INSERT INTO links
            (tenant, integration, kind, source_id, halo_id, hash, active, name, fence)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET halo_id = excluded.halo_id, hash = excluded.hash,
                active = excluded.active, name = excluded.name, fence = excluded.fence
            WHERE excluded.fence >= links.fence"""
        rows = [
            (
                *self._scope(link.kind),
                link.source_id,
                link.halo_id,
                link.hash,
                link.active,
                link.name,
                self._fence,
            )
            for link in links
        ]
        await self._write(statement, rows)

    async def active(self, kind: EntityKind) -> AsyncIterator[list[Link]]:
        query = f"""SELECT {_COLUMNS} FROM links WHERE {_SCOPE} AND active AND source_id > ?
            ORDER BY source_id LIMIT ?"""  # noqa: S608 - no value is pasted in
        last = ""
        while rows := list(await self._db.execute_fetchall(query, (*self._scope(kind), last, BATCH))):
            yield [_link(kind, row) for row in rows]
            last = rows[-1][0]

    async def expect(self, kind: EntityKind, references: Mapping[str, Sequence[Reference]]) -> None:
        forget = f"DELETE FROM expected WHERE {_SCOPE} AND source_id = ?"  # noqa: S608 - no value is pasted in
        keep = "INSERT OR REPLACE INTO expected VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        scope = self._scope(kind)
        rows = [
            (*scope, source_id, one.role, one.kind, comparable_id(one.value), one.value)
            for source_id, some in references.items()
            for one in some
            if one.attribute is None
        ]
        await to_its_end(
            self._write_now(
                (forget, [(*scope, source_id) for source_id in references]),
                (keep, rows),
            )
        )

    async def expected(self, kind: EntityKind) -> AsyncIterator[list[Expected]]:
        query = """
            SELECT here.source_id, here.halo_id, here.hash, here.active, here.name, role, to_kind, value, there.halo_id, to_id
            FROM expected
            JOIN links AS here USING (tenant, integration, kind, source_id)
            JOIN links AS there ON there.tenant = expected.tenant AND there.integration = expected.integration
                AND there.kind = to_kind AND there.source_id = to_id
            WHERE expected.tenant = ? AND expected.integration = ? AND expected.kind = ?
                AND (expected.source_id, role, to_kind, to_id) > (?, ?, ?, ?)
                AND here.halo_id IS NOT NULL AND here.active AND there.halo_id IS NOT NULL
            ORDER BY expected.source_id, role, to_kind, to_id LIMIT ?"""
        last: tuple[str, ...] = ("", "", "", "")
        while rows := list(await self._db.execute_fetchall(query, (*self._scope(kind), *last, BATCH))):
            yield [_expected(kind, row) for row in rows]
            last = (rows[-1][0], rows[-1][5], rows[-1][6], rows[-1][9])

    async def met(self, expected: Collection[Expected]) -> None:
        statement = f"DELETE FROM expected WHERE {_SCOPE} AND source_id = ? AND role = ? AND to_kind = ? AND to_id = ?"  # noqa: S608 - no value is pasted in
        rows = [
            (
                *self._scope(one.link.kind),
                one.link.source_id,
                one.reference.role,
                one.reference.kind,
                comparable_id(one.reference.value),
            )
            for one in expected
        ]
        await self._write(statement, rows)

    async def places(self) -> dict[Place, PlaceIds]:
        query = "SELECT client, site, client_id, site_id FROM places WHERE tenant = ? AND integration = ?"
        rows = await self._db.execute_fetchall(query, self._ref)
        return {Place(row[0], row[1]): PlaceIds(row[2], row[3]) for row in rows}

    async def learn(self, place: Place, ids: PlaceIds) -> None:
        row = (*self._ref, place.client, place.site, ids.client_id, ids.site_id)
        await self._write("INSERT OR REPLACE INTO places VALUES (?, ?, ?, ?, ?, ?)", [row])

    async def _write(self, statement: str, rows: Rows) -> None:
        if rows:
            await to_its_end(self._write_now((statement, rows)))

    async def _write_now(self, *statements: tuple[str, Rows]) -> None:
        async with self._writer, transaction(self._db):
            for statement, rows in statements:
                await self._db.executemany(statement, rows)

    def _scope(self, kind: EntityKind) -> tuple[str, str, str]:
        return (self._ref.tenant, self._ref.name, kind.value)


def _expected(kind: EntityKind, row: aiosqlite.Row) -> Expected:
    role, to_kind, value, halo_id = tuple(row)[5:9]
    reference = Reference(Role(role), EntityKind(to_kind), value)
    return Expected(_link(kind, tuple(row)[:5]), reference, halo_id)


def _link(kind: EntityKind, row: Iterable[Any]) -> Link:
    source_id, halo_id, digest, active, name = row
    return Link(kind, source_id, halo_id, hash=digest, active=bool(active), name=name)
