"""Groups: agents that compete for the same work."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body

from halo_controller.access.roles import Action
from halo_controller.api import queues
from halo_controller.api.context import Wired, needs
from halo_controller.api.errors import CONFLICT, NOT_FOUND
from halo_controller.api.examples import GROUP
from halo_controller.api.models import AddedGroup, NewGroup
from halo_controller.audit.nouns import Noun
from halo_controller.nouns import Group
from halo_controller.store import tenants
from halo_shared.topology import jobs_queue

router = APIRouter(prefix="/groups", tags=["groups"])


@router.post(
    "",
    status_code=201,
    summary="Add a group",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.GROUPS_ADD)],
)
async def add(controller: Wired, body: Annotated[NewGroup, Body(openapi_examples=GROUP)]) -> AddedGroup:
    """Its queue is made on the broker at once."""
    async with controller.changing(Noun.GROUP, body.name) as change:
        group = await tenants.add_group(
            change.db, body.name, body.title, controller.clock.now(), kind=body.integrator, tenant=body.tenant
        )
    note = await queues.declare(controller, jobs_queue(group.name))
    return AddedGroup(**group.model_dump(), note=note)


@router.get("", summary="List groups", dependencies=[needs(Action.GROUPS_READ)])
async def every(controller: Wired) -> Sequence[Group]:
    async with controller.database.read() as db:
        return await tenants.every_group(db)
