"""One crossing to SQLite's thread brings all that a statement answers."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from halo_controller.store.crossing import OneCrossing, connect


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[OneCrossing]:
    connection = await connect(tmp_path / "some.db")
    yield connection
    await connection.close()


async def test_rows_and_their_number_come_with_the_statement(connection: OneCrossing) -> None:
    cursor = connection.cursor()
    await cursor.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT)")
    assert (cursor.description, await cursor.fetchall()) == (None, [])

    await cursor.executemany("INSERT INTO things (name) VALUES (?)", [("a",), ("b",)])
    assert cursor.rowcount == 2
    await cursor.execute("INSERT INTO things (name) VALUES (?)", ("c",))
    assert cursor.lastrowid == 3
    await cursor.execute("DELETE FROM things WHERE id > ? RETURNING id", (1,))
    assert (await cursor.fetchall(), cursor.rowcount) == ([(2,), (3,)], 2)


async def test_a_statement_goes_to_the_thread_once(connection: OneCrossing) -> None:
    crossings: list[object] = []
    crossing = connection._execute

    async def counted(*arguments: object) -> object:
        crossings.append(arguments)
        return await crossing(*arguments)  # type: ignore[no-untyped-call]

    connection._execute = counted  # type: ignore[method-assign]
    cursor = connection.cursor()
    await cursor.execute("SELECT 1")
    assert await cursor.fetchall() == [(1,)]
    await cursor.close()

    assert len(crossings) == 1


async def test_a_fault_is_the_drivers_own_and_leaves_the_connection_of_use(connection: OneCrossing) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await connection.cursor().execute("SELECT * FROM absent")

    cursor = await connection.cursor().execute("SELECT 1")
    assert await cursor.fetchall() == [(1,)]
