"""The audit log: who changed what, when, and how it was before."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from halo_controller.access.roles import Action
from halo_controller.api.context import Wired, needs
from halo_controller.api.errors import NOT_FOUND
from halo_controller.audit.nouns import Entry
from halo_controller.store import audit
from halo_controller.store.audit import Sought

router = APIRouter(prefix="/audit", tags=["audit"])


@router.get("", summary="Search the audit log", dependencies=[needs(Action.AUDIT_READ)])
async def search(controller: Wired, sought: Annotated[Sought, Query()]) -> Sequence[Entry]:
    """The latest changes that fit, newest first; an administrator sees those of its tenants."""
    async with controller.database.read() as db:
        return await audit.every(db, sought)


@router.get("/{entry}", summary="Show a change", responses=NOT_FOUND, dependencies=[needs(Action.AUDIT_READ)])
async def show(controller: Wired, entry: int) -> Entry:
    """With what was changed, before and after."""
    async with controller.database.read() as db:
        return await audit.get(db, entry)
