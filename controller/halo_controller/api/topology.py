"""The topology: which exchanges and queues there are, and what waits in them."""

from fastapi import APIRouter

from halo_controller.access.roles import Action
from halo_controller.api import alarms, queues
from halo_controller.api.context import Wired, needs
from halo_controller.api.models import QueueView, TopologyView
from halo_controller.store import agents, tenants
from halo_controller.wiring import Controller
from halo_shared.topology import EXCHANGES, FIXED_QUEUES, Queue, agent_queue, jobs_queue

router = APIRouter(tags=["operation"])


@router.get(
    "/topology", summary="Exchanges, queues and their depth", dependencies=[needs(Action.OPERATION_READ)]
)
async def show(controller: Wired) -> TopologyView:
    """A depth of `buried` above zero is an alarm: messages lie there that could not be understood."""
    known = await _queues(controller)
    depths = await queues.depths(controller, known)
    return TopologyView(
        exchanges=EXCHANGES,
        queues=tuple(_view(queue, depths.get(queue.name) if depths else None) for queue in known),
        alarms=alarms.of_queues(depths),
    )


async def _queues(controller: Controller) -> list[Queue]:
    async with controller.database.read() as db:
        groups = await tenants.every_group(db)
        known = await agents.every(db)
    return [
        *FIXED_QUEUES,
        *(jobs_queue(group.name) for group in groups),
        *(agent_queue(agent.name) for agent in known),
    ]


def _view(queue: Queue, depth: int | None) -> QueueView:
    return QueueView(
        name=queue.name,
        kind=queue.kind,
        bindings=queue.bindings,
        carries=queue.carries,
        expires=queue.expires,
        depth=depth,
    )
