"""What a transaction that writes has read stays as it was until its end."""

from typing import Any

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection


def held(db: AsyncConnection, query: Select[Any]) -> Select[Any]:  # Any: whatever its columns are
    """The query, so that a writer keeps the rows it finds until it commits, and another writer waits for them.

    Everywhere in this order, or two wait for each other: an agent, runs by id, their integration, incidents.
    SQLite has one writer at a time and needs no such thing.
    """
    writes = db.sync_connection is not None and db.sync_connection.get_execution_options().get("writes")
    return query.with_for_update(key_share=True) if writes else query
