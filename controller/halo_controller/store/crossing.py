"""A connection to SQLite whose statements cross to its thread once.

The library goes there four times for each: for a cursor, the statement, its rows and the cursor's end. Each time two
threads wait for one another, which costs more than what SQLite does meanwhile.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite

Row = tuple[Any, ...]  # Any: what a column holds


class OneCrossing(aiosqlite.Connection):
    """The library's connection with other cursors."""

    def cursor(self) -> "CompleteCursor":  # type: ignore[override]  # SQLAlchemy, its only user, asks no more of it
        """Costs nothing: it is made where its statement is executed."""
        return CompleteCursor(self)

    async def at_once(self, verb: str, sql: str, parameters: Iterable[Any]) -> "Done":
        """The statement with all that it answers."""
        done: Done = await self._execute(_done, self._conn, verb, sql, parameters)  # type: ignore[no-untyped-call]
        return done


class Done:
    """A statement that was executed, and its rows."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self.rows: list[Row] = cursor.fetchall()
        self.description = cursor.description
        self.rowcount = cursor.rowcount
        self.lastrowid = cursor.lastrowid


class CompleteCursor:
    """What SQLAlchemy needs of a cursor."""

    arraysize = 1

    def __init__(self, connection: OneCrossing) -> None:
        self._connection = connection
        self._done: Done | None = None

    async def __aenter__(self) -> "CompleteCursor":
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> "CompleteCursor":
        """One statement."""
        self._done = await self._connection.at_once("execute", sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> "CompleteCursor":
        """One statement with each of these."""
        self._done = await self._connection.at_once("executemany", sql, parameters)
        return self

    async def fetchall(self) -> list[Row]:
        """All that was answered."""
        return self._done.rows if self._done else []

    async def close(self) -> None:
        """It is closed already."""

    @property
    def description(self) -> Any:  # Any: as the driver has it
        """The columns of the answer; None where there is none."""
        return self._done.description if self._done else None

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        return self._done.rowcount if self._done else -1

    @property
    def lastrowid(self) -> int | None:
        """The number of the row that was inserted."""
        return self._done.lastrowid if self._done else None


async def connect(path: Path, *_: object, **__: object) -> OneCrossing:
    """A connection to this file; its thread ends with the program."""
    connection = OneCrossing(partial(sqlite3.connect, path), iter_chunk_size=1)
    connection._thread.daemon = True  # noqa: SLF001 - SQLAlchemy does the same with connections of its own making
    await connection
    return connection


def _done(connection: sqlite3.Connection, verb: str, sql: str, parameters: Iterable[Any]) -> Done:
    cursor = connection.cursor()
    try:
        getattr(cursor, verb)(sql, parameters)
        return Done(cursor)
    finally:
        cursor.close()
