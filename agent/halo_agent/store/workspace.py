"""Room on disk for one attempt, so that the number of records does not show in memory.

It is SQLite's own nameless temporary database: private to this connection, and gone with it whatever happens, so that
a crash leaves nothing that a later attempt could trust by mistake.
"""

import hashlib
import pickle
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from io import BytesIO
from operator import attrgetter
from typing import Any, Final

import aiosqlite

from halo_agent.engine.batches import BATCH
from halo_agent.engine.changes import Adopt, Create, Decision, Retire, Update
from halo_agent.engine.contests import Contest, Held, Sought, Verdict
from halo_agent.engine.ports import D
from halo_agent.engine.records import Desired, Link, Place, Placing, Reference, TargetRecord, Waiting
from halo_agent.store.files import naming_a_full_disk
from halo_shared.entities import EntityKind
from halo_shared.runs import Action

SCHEMA: Final = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -64000;
    CREATE TABLE seen (kind TEXT, source_id TEXT, PRIMARY KEY (kind, source_id)) WITHOUT ROWID;
    CREATE TABLE lost (kind TEXT, source_id TEXT, reason TEXT, PRIMARY KEY (kind, source_id)) WITHOUT ROWID;
    CREATE TABLE waiting (number INTEGER PRIMARY KEY, kind TEXT, linked INTEGER, data BLOB);
    CREATE INDEX waiting_kind ON waiting (kind, linked, number);
    CREATE TABLE sought (number INTEGER PRIMARY KEY, source_id TEXT UNIQUE, decided INTEGER DEFAULT 0, data BLOB);
    CREATE TABLE sought_keys (level INTEGER, key BLOB, number INTEGER, PRIMARY KEY (number, level)) WITHOUT ROWID;
    CREATE INDEX sought_key ON sought_keys (level, key);
    CREATE TABLE held (id INTEGER PRIMARY KEY, owner TEXT, disputed INTEGER DEFAULT 0, data BLOB);
    CREATE TABLE held_keys (level INTEGER, key BLOB, id INTEGER, PRIMARY KEY (level, key, id)) WITHOUT ROWID;
    CREATE TABLE contested (key BLOB PRIMARY KEY, wishes INTEGER, records INTEGER) WITHOUT ROWID;
    CREATE TABLE decisions (number INTEGER PRIMARY KEY, kind TEXT, sort TEXT, data BLOB);
    CREATE INDEX decisions_sort ON decisions (kind, sort, number);
"""
SEARCH: Final = ("sought", "sought_keys", "held", "held_keys", "contested")
"""Tables that are emptied for each kind."""
LISTED: Final = 6
"""Candidates that are looked at where there are several; a report names fewer."""

Reducer = Callable[[Any], tuple[Callable[..., Any], tuple[Any, ...]]]
"""Tells pickle how a value is made: by what, and from what."""
Rows = Sequence[tuple[Any, ...]]  # Any: one value per column

_CONTESTED: Final = """
    INSERT INTO contested
    SELECT wishes.key, wishes.count, records.count
    FROM (
        SELECT key, count(*) AS count FROM sought_keys JOIN sought USING (number)
        WHERE level = ? AND NOT decided GROUP BY key
    ) AS wishes
    JOIN (
        SELECT key, count(*) AS count FROM held_keys JOIN held USING (id)
        WHERE level = ? AND owner IS NULL GROUP BY key
    ) AS records ON records.key = wishes.key
"""
_CONTESTS: Final = """
    SELECT number, sought.data, key, wishes, records FROM sought
    JOIN sought_keys USING (number) JOIN contested USING (key)
    WHERE level = ? AND NOT decided AND number > ? ORDER BY number LIMIT ?
"""
_CANDIDATES: Final = """
    SELECT held.data, disputed FROM held_keys JOIN held USING (id)
    WHERE level = ? AND key = ? AND owner IS NULL ORDER BY id LIMIT ?
"""
_DISPUTED: Final = """
    UPDATE held SET disputed = 1 WHERE owner IS NULL AND id IN (
        SELECT id FROM contested CROSS JOIN held_keys USING (key) WHERE level = ?
    )
"""
_HELD: Final = """
    INSERT OR REPLACE INTO held (id, owner, data)
    VALUES (?1, CASE WHEN EXISTS (SELECT 1 FROM sought WHERE source_id = ?2) THEN NULL ELSE ?2 END, ?3)
"""


@asynccontextmanager
async def open_workspace() -> AsyncIterator["DiskWorkspace"]:
    """A workspace for one attempt; SQLite puts it where the system keeps temporary files. Raises DiskFull."""
    async with aiosqlite.connect("", isolation_level=None) as db, naming_a_full_disk(db):
        await db.executescript(SCHEMA)
        yield DiskWorkspace(db)


class DiskWorkspace:
    """The engine's Workspace."""

    def __init__(self, db: aiosqlite.Connection) -> None:
        self._db = db

    @property
    def db(self) -> aiosqlite.Connection:
        """Where it lies."""
        return self._db

    async def see(self, kind: EntityKind, source_ids: Collection[str]) -> set[str]:
        if not source_ids:
            return set()
        some = ", ".join(["(?)"] * len(source_ids))
        statement = (
            f"INSERT OR IGNORE INTO seen SELECT '{kind}', column1 FROM (VALUES {some}) RETURNING source_id"  # noqa: S608 - no value is pasted in
        )
        return {row[0] for row in await self._db.execute_fetchall(statement, tuple(source_ids))}

    async def unseen(self, kind: EntityKind, source_ids: Collection[str]) -> set[str]:
        some = ", ".join("?" * len(source_ids))
        query = f"""SELECT source_id FROM seen WHERE kind = ? AND source_id IN ({some})
            UNION SELECT source_id FROM lost WHERE kind = ? AND source_id IN ({some})"""  # noqa: S608 - no value is pasted in
        known = await self._db.execute_fetchall(query, (kind, *source_ids, kind, *source_ids))
        return set(source_ids) - {row[0] for row in known}

    async def lose(self, kind: EntityKind, reasons: Mapping[str, str]) -> None:
        rows = [(kind, source_id, reason) for source_id, reason in reasons.items()]
        await self._many("INSERT OR REPLACE INTO lost VALUES (?, ?, ?)", rows)

    async def lost(self, kind: EntityKind) -> AsyncIterator[dict[str, str]]:
        query = """SELECT source_id, reason FROM lost WHERE kind = ?1 AND source_id > ?2
            AND NOT EXISTS (SELECT 1 FROM seen WHERE seen.kind = ?1 AND seen.source_id = lost.source_id)
            ORDER BY source_id LIMIT ?3"""
        last = ""
        while rows := list(await self._db.execute_fetchall(query, (kind, last, BATCH))):
            yield dict(map(tuple, rows))
            last = rows[-1][0]

    async def wait(self, kind: EntityKind, waiting: Collection[Waiting]) -> None:
        rows = [(kind, link is not None, _packed((desired, link))) for desired, link in waiting]
        await self._many("INSERT INTO waiting (kind, linked, data) VALUES (?, ?, ?)", rows)

    async def linked(self, kind: EntityKind) -> AsyncIterator[list[tuple[Desired, Link]]]:
        async for rows in self._waiting(kind, linked=True):
            yield rows

    async def unlinked(self, kind: EntityKind) -> AsyncIterator[list[Desired]]:
        async for rows in self._waiting(kind, linked=False):
            yield [desired for desired, _ in rows]

    async def linked_count(self, kind: EntityKind) -> int:
        return await self._count(kind, linked=True)

    async def unlinked_count(self, kind: EntityKind) -> int:
        return await self._count(kind, linked=False)

    async def seek(self, sought: Collection[Sought]) -> None:
        first = await self._last("sought") + 1
        numbered = list(enumerate(sought, start=first))
        rows = [(number, one.desired.source_id, _packed(one)) for number, one in numbered]
        keys = [
            (level, _digest(key), number)
            for number, one in numbered
            for level, key in enumerate(one.keys)
            if key
        ]
        await self._many("INSERT INTO sought (number, source_id, data) VALUES (?, ?, ?)", rows)
        await self._many("INSERT INTO sought_keys VALUES (?, ?, ?)", keys)

    async def hold(self, held: Collection[Held]) -> None:
        rows = [(one.record.id, one.owner, _packed(one.record)) for one in held]
        keys = [
            (level, _digest(key), one.record.id) for one in held for level, key in enumerate(one.keys) if key
        ]
        await self._many(_HELD, rows)
        await self._many("INSERT OR IGNORE INTO held_keys VALUES (?, ?, ?)", keys)

    async def held(self, ids: Collection[int]) -> dict[int, TargetRecord]:
        some = ", ".join("?" * len(ids))
        query = f"SELECT id, data FROM held WHERE id IN ({some})"  # noqa: S608 - no value is pasted in
        return {id_: _unpacked(data) for id_, data in await self._db.execute_fetchall(query, tuple(ids))}

    async def contests(self, level: int) -> AsyncIterator[list[Contest]]:
        await self._db.execute("DELETE FROM contested")
        await self._db.execute(_CONTESTED, (level, level))
        last = 0
        while rows := list(await self._db.execute_fetchall(_CONTESTS, (level, last, BATCH))):
            yield [await self._contest(level, row) for row in rows]
            last = rows[-1][0]
        await self._db.execute(_DISPUTED, (level,))

    async def judge(self, verdicts: Collection[Verdict]) -> None:
        await self._many(
            "UPDATE sought SET decided = 1 WHERE source_id = ?", [(one.source_id,) for one in verdicts]
        )
        owned = [(one.source_id, one.halo_id) for one in verdicts if one.halo_id is not None]
        await self._many("UPDATE held SET owner = ? WHERE id = ?", owned)

    async def missing(self) -> AsyncIterator[list[Sought]]:
        query = "SELECT number, data FROM sought WHERE NOT decided AND number > ? ORDER BY number LIMIT ?"
        last = 0
        while rows := list(await self._db.execute_fetchall(query, (last, BATCH))):
            yield [_unpacked(row[1]) for row in rows]
            last = rows[-1][0]

    async def forget_search(self) -> None:
        for table in SEARCH:
            await self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - constants

    async def decide(self, decisions: Collection[Decision]) -> None:
        rows = [
            (one.link.kind if isinstance(one, Adopt) else one.kind, type(one).__name__, _packed(one))
            for one in decisions
        ]
        await self._many("INSERT INTO decisions (kind, sort, data) VALUES (?, ?, ?)", rows)

    async def decisions(self, kind: EntityKind, sort: type[D]) -> AsyncIterator[list[D]]:
        query = "SELECT number, data FROM decisions WHERE kind = ? AND sort = ? AND number > ? ORDER BY number LIMIT ?"
        last = 0
        while rows := list(await self._db.execute_fetchall(query, (kind, sort.__name__, last, BATCH))):
            yield [_unpacked(row[1]) for row in rows]
            last = rows[-1][0]

    async def counts(self) -> dict[tuple[EntityKind, Action], int]:
        query = "SELECT kind, sort, count(*) FROM decisions GROUP BY kind, sort"
        rows = await self._db.execute_fetchall(query)
        return {(EntityKind(kind), _ACTIONS[sort]): count for kind, sort, count in rows if sort in _ACTIONS}

    async def _waiting(self, kind: EntityKind, *, linked: bool) -> AsyncIterator[list[Any]]:
        query = "SELECT number, data FROM waiting WHERE kind = ? AND linked = ? AND number > ? ORDER BY number LIMIT ?"
        last = 0
        while rows := list(await self._db.execute_fetchall(query, (kind, linked, last, BATCH))):
            yield [_unpacked(row[1]) for row in rows]
            last = rows[-1][0]

    async def _count(self, kind: EntityKind, *, linked: bool) -> int:
        query = "SELECT count(*) FROM waiting WHERE kind = ? AND linked = ?"
        rows = list(await self._db.execute_fetchall(query, (kind, linked)))
        return int(rows[0][0])

    async def _contest(self, level: int, row: Any) -> Contest:
        _, data, key, wishes, found = row
        candidates = list(await self._db.execute_fetchall(_CANDIDATES, (level, key, LISTED)))
        sought: Sought = _unpacked(data)
        records: list[TargetRecord] = [_unpacked(one) for one, _ in candidates]
        disputed = any(disputed for _, disputed in candidates)
        return Contest(sought.desired, records, found=found, suitors=wishes + disputed)

    async def _last(self, table: str) -> int:
        rows = list(await self._db.execute_fetchall(f"SELECT max(number) FROM {table}"))  # noqa: S608 - a constant
        return int(rows[0][0] or 0)

    async def _many(self, statement: str, rows: Rows) -> None:
        if rows:
            await self._db.execute("BEGIN")
            await self._db.executemany(statement, rows)
            await self._db.execute("COMMIT")


_ACTIONS: Final = {sort.__name__: sort.action for sort in (Create, Update, Retire)}


def _packed(value: object) -> bytes:
    buffer = BytesIO()
    pickler = pickle.Pickler(buffer, protocol=pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = _BY_FIELDS
    pickler.dump(value)
    return buffer.getvalue()


def _by_fields(sort: type[Any]) -> Reducer:
    """A dataclass with slots, by the values of its fields: several times faster than what it does by itself."""
    values = attrgetter(*(one.name for one in fields(sort)))
    return lambda value: (sort, values(value))


_BY_FIELDS: Final[Mapping[type, Reducer]] = {
    sort: _by_fields(sort)
    for sort in (
        Adopt,
        Create,
        Desired,
        Link,
        Place,
        Placing,
        Reference,
        Retire,
        Sought,
        TargetRecord,
        Update,
    )
}


def _unpacked(data: bytes) -> Any:  # Any: what was packed in that column
    return pickle.loads(data)  # noqa: S301 - nobody but this process can write to a nameless database


def _digest(key: str) -> bytes:
    """A key of one length, whatever the value: some are a megabyte."""
    return hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=16).digest()
