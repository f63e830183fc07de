"""Looking into the database of a side, in the same way for all."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

Counted = Callable[[], Awaitable[int]]


@asynccontextmanager
async def counting(url: str, table: str, condition: str = "true") -> AsyncIterator[Counted]:
    """How many rows of this table are so; none while there is no such table."""
    engine = create_async_engine(url)
    query = text(f"SELECT count(*) FROM {table} WHERE {condition}")  # noqa: S608 - our own words

    async def count() -> int:
        try:
            async with engine.connect() as db:
                return await db.scalar(query) or 0
        except DBAPIError:
            return 0

    try:
        yield count
    finally:
        await engine.dispose()
