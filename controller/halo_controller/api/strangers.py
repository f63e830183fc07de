"""Strangers: programs that call themselves agents and cannot be answered as such."""

from collections.abc import Sequence

from fastapi import APIRouter

from halo_controller.access.roles import Action
from halo_controller.api.context import Wired, needs
from halo_controller.nouns import Stranger
from halo_controller.store import strangers

router = APIRouter(prefix="/strangers", tags=["agents"])


@router.get(
    "", summary="List programs that cannot be answered as agents", dependencies=[needs(Action.OPERATION_READ)]
)
async def every(controller: Wired) -> Sequence[Stranger]:
    """Who was heard within a day and is not registered, or speaks a version that this controller does not."""
    async with controller.database.read() as db:
        return await strangers.every(db)
