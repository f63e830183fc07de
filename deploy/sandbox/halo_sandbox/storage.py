"""Where the sandbox keeps its rows: SQLite, one table per resource, each row a JSON document.

What lists filter and sort on are columns that SQLite generates from the document, so that a document
and its columns cannot disagree. Table and column names come from our own tables, never from a request.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiosqlite

from halo_sandbox.schema import Document


@dataclass(frozen=True, slots=True)
class Table:
    """One resource's rows, and the properties that can be filtered on."""

    name: str
    text: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    first_id: int = 1

    def statements(self) -> Iterable[str]:
        """Text compares without regard to case, as in SQL Server's usual collation."""
        kinds = dict.fromkeys(self.text, "TEXT COLLATE NOCASE")
        kinds |= dict.fromkeys(self.numbers, "NUMERIC")
        generated = "".join(
            f', "{column}" {kind} AS (json_extract(document, \'$."{column}"\')) VIRTUAL'
            for column, kind in kinds.items()
        )
        yield (
            f'CREATE TABLE IF NOT EXISTS "{self.name}"'
            f" (id INTEGER PRIMARY KEY AUTOINCREMENT, document TEXT NOT NULL{generated})"
        )
        for column in kinds:
            index = f'"{self.name}_{column}"'
            yield f'CREATE INDEX IF NOT EXISTS {index} ON "{self.name}" ("{column}")'


@dataclass(frozen=True, slots=True)
class Condition:
    sql: str
    values: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows of a table, in which order."""

    where: tuple[Condition, ...] = ()
    order: tuple[str, ...] = ()
    limit: int = -1
    offset: int = 0

    @property
    def clause(self) -> str:
        return " AND ".join(f"({condition.sql})" for condition in self.where) or "1"

    @property
    def values(self) -> tuple[object, ...]:
        return tuple(value for condition in self.where for value in condition.values)


def equals(column: str, value: object) -> Condition:
    return Condition(f'"{column}" = ?', (value,))


class Storage:
    """The rows of one sandbox. Writes belong in `transaction`, one at a time."""

    def __init__(self, connection: aiosqlite.Connection, tables: Sequence[Table]) -> None:
        self._connection = connection
        self._tables = tables
        self._writing = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, database: str, tables: Sequence[Table]) -> AsyncIterator["Storage"]:
        async with aiosqlite.connect(database, isolation_level=None) as connection:
            await connection.execute("PRAGMA journal_mode = WAL")
            await connection.execute("PRAGMA synchronous = OFF")
            for table in tables:
                for statement in table.statements():
                    await connection.execute(statement)
            storage = cls(connection, tables)
            await storage._number_ids()
            yield storage

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        async with self._writing:
            await self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                await self._connection.execute("ROLLBACK")
                raise
            await self._connection.execute("COMMIT")

    async def insert(self, table: str, document: Document) -> Document:
        """Store a new row under the next id, which is never given twice."""
        cursor = await self._connection.execute(
            f'INSERT INTO "{table}" (document) VALUES (?)',  # noqa: S608
            (_dump(document),),
        )
        return {**document, "id": cursor.lastrowid}

    async def replace(self, table: str, document: Document) -> None:
        await self._connection.execute(
            f'UPDATE "{table}" SET document = ? WHERE id = ?',  # noqa: S608
            (_dump(document), document["id"]),
        )

    async def delete(self, table: str, identity: int) -> bool:
        cursor = await self._connection.execute(
            f'DELETE FROM "{table}" WHERE id = ?',  # noqa: S608
            (identity,),
        )
        return cursor.rowcount > 0

    async def get(self, table: str, identity: object) -> Document | None:
        found = await self.select(table, Selection((equals("id", identity),)))
        return found[0] if found else None

    async def many(self, table: str, identities: Iterable[float | None]) -> dict[int, Document]:
        """Rows by id; the ids that are not there are left out."""
        wanted = sorted({int(one) for one in identities if one is not None})
        if not wanted:
            return {}
        within = Condition(f"id IN ({', '.join('?' * len(wanted))})", tuple(wanted))
        return {row["id"]: row for row in await self.select(table, Selection((within,)))}

    async def select(self, table: str, selection: Selection) -> list[Document]:
        order = ", ".join((*selection.order, "id"))
        rows = await self._connection.execute_fetchall(
            f'SELECT id, document FROM "{table}" WHERE {selection.clause}'  # noqa: S608
            f" ORDER BY {order} LIMIT ? OFFSET ?",
            (*selection.values, selection.limit, selection.offset),
        )
        return [{"id": identity, **json.loads(document)} for identity, document in rows]

    async def count(self, table: str, selection: Selection) -> int:
        rows = await self._connection.execute_fetchall(
            f'SELECT count(*) FROM "{table}" WHERE {selection.clause}',  # noqa: S608
            selection.values,
        )
        return int(next(iter(rows))[0])

    async def clear(self) -> None:
        """Forget every row and every id that was given."""
        for table in self._tables:
            await self._connection.execute(f'DELETE FROM "{table.name}"')  # noqa: S608
        await self._connection.execute("DELETE FROM sqlite_sequence")
        await self._number_ids()

    async def _number_ids(self) -> None:
        for table in self._tables:
            await self._connection.execute(
                "INSERT INTO sqlite_sequence (name, seq) SELECT ?, ?"
                " WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?)",
                (table.name, table.first_id - 1, table.name),
            )


def _dump(document: Document) -> str:
    kept = {name: value for name, value in document.items() if name != "id"}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
