"""Reading and writing: transactions over SQLite or PostgreSQL that say when waiting may help."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Self

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from halo_controller.store.engines import Engine
from halo_controller.store.postgres import open_postgres
from halo_controller.store.sqlite import open_sqlite
from halo_shared.errors import StoreBusy

Guard = Callable[[AsyncConnection], Awaitable[None]]
"""Looked through before each transaction that writes; raises where this controller may not."""


Turn = AbstractAsyncContextManager[None]
"""What a writer waits for."""


class Database:
    """Reading at any time, and writing: in turn on SQLite, side by side on PostgreSQL."""

    def __init__(self, engine: Engine, turn: Turn, guard: Guard | None = None) -> None:
        self._engine = engine
        self._turn = turn
        self._guard = guard
        self.shared = engine.shared
        """Whether other controllers may work on it at the same time."""

    def guarded(self, guard: Guard) -> Self:
        """The same database, for those whose every write must pass this guard."""
        return type(self)(self._engine, self._turn, guard)

    def limited_to(self, tenants: Collection[str] | None) -> Self:
        """The same database, for those who may see only what is of these tenants; None for all."""
        return type(self)(self._engine.limited_to(tenants), self._turn, self._guard)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one moment; raises StoreBusy where waiting may help."""
        async with self._transaction(self._engine.reads) as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: all of it, or none when the block raises. Raises StoreBusy where waiting may help."""
        async with self._turn, self._transaction(self._engine.writes) as connection:
            if self._guard:
                await self._guard(connection)
            yield connection

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        with self._passing_faults_named(Exception):  # the drivers' own errors come through while connecting
            connection = await engine.connect()
        try:
            with self._passing_faults_named(DBAPIError):
                async with connection.begin():
                    yield connection
        finally:
            await connection.close()

    @contextmanager
    def _passing_faults_named(self, kind: type[Exception]) -> Iterator[None]:
        try:
            yield
        except kind as error:
            if reason := self._engine.passing(error):
                raise StoreBusy(detail=reason) from error
            raise


@asynccontextmanager
async def open_database(address: Path | str) -> AsyncIterator[Database]:
    """The database in this file or at this URL, in today's shape.

    Raises AlreadyServed when another controller has the file, and ConfigurationError when it is of no use.
    """
    opening = open_sqlite(address) if isinstance(address, Path) else open_postgres(address)
    async with opening as engine:
        yield Database(engine, turn=nullcontext() if engine.shared else asyncio.Lock())
