"""Records: what became of single ones, as far as their tenant wants it kept."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from halo_controller.access.roles import Action
from halo_controller.api.context import Wired, needs
from halo_controller.api.errors import NOT_FOUND
from halo_controller.nouns import Record
from halo_controller.store import records

router = APIRouter(prefix="/records", tags=["records"])

Key = Annotated[str, Query(min_length=1, max_length=200)]
Limit = Annotated[int, Query(ge=1, le=1_000)]


@router.get("", summary="Find what became of a record", dependencies=[needs(Action.RECORDS_READ)])
async def find(controller: Wired, key: Key, tenant: str | None = None, limit: Limit = 50) -> Sequence[Record]:
    """By its id at the source, its name, its Halo id, its e-mail or another value that recognises it; newest first."""
    async with controller.database.read() as db:
        return await records.find(db, key, tenant=tenant, limit=limit)


@router.get(
    "/{record}",
    summary="Show what became of a record",
    responses=NOT_FOUND,
    dependencies=[needs(Action.RECORDS_READ)],
)
async def show(controller: Wired, record: int) -> Record:
    """Every field that was written, before and after, and why."""
    async with controller.database.read() as db:
        return await records.get(db, record)
