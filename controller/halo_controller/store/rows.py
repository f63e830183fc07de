"""Models as rows: which of their values stand in columns, and writing no more than what changed."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import Any, Final

from sqlalchemy import JSON, Column, ColumnElement, Table, bindparam, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_shared.identifiers import IntegrationRef
from halo_shared.runs import Frozen

Row = dict[str, Any]  # Any: one value per column


_INSERTS: Final[dict[str, Callable[[Table], postgresql.Insert | sqlite.Insert]]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


def as_row(table: Table, model: Frozen, names: Collection[str] | None = None) -> Row:
    """The model as its columns, or those of these names: times and ids as they are, everything nested as JSON."""
    wanted = set(type(model).model_fields if names is None else names)
    nested = wanted & _nested(table)
    return {
        **model.model_dump(include=wanted - nested),
        **(model.model_dump(mode="json", include=nested) if nested else {}),
    }


def insert_of(db: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An insert that can be told what to do where the row is there already."""
    return _INSERTS[db.dialect.name](table)


async def keep_changes(
    db: AsyncConnection, table: Table, key: str, changes: Iterable[tuple[Frozen, Frozen]]
) -> None:
    """Write of each model, as it was and as it is now, what is another; `key` names its row.

    What changed alike is written together.
    """
    alike: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for before, now in changes:
        changed = tuple(
            name for name in type(now).model_fields if getattr(now, name) is not getattr(before, name)
        )
        if changed:
            alike[changed].append({_KEY: getattr(now, key), **as_row(table, now, changed)})
    for rows in alike.values():
        await db.execute(update(table).where(table.c[key] == bindparam(_KEY)), rows)


def among(
    tenant: Column[str], integration: Column[str], refs: Collection[IntegrationRef]
) -> ColumnElement[bool]:
    """Whether a row, whose integration these columns name, is of one of these."""
    return tuple_(tenant, integration).in_([(ref.tenant, ref.name) for ref in refs])


_KEY = "key_of_the_row"


@cache
def _nested(table: Table) -> frozenset[str]:
    return frozenset(name for name, column in table.c.items() if isinstance(column.type, JSON))
