"""Health: for people, monitors and whatever restarts processes."""

from collections import Counter
from dataclasses import dataclass

from fastapi import APIRouter, Response
from sqlalchemy.exc import SQLAlchemyError

from halo_controller.api import alarms, queues
from halo_controller.api.context import Unlimited
from halo_controller.api.models import AgentCount, Health, HealthStatus
from halo_controller.store import agents, leadership, outbox
from halo_controller.store.leadership import Leader
from halo_controller.wiring import Controller
from halo_shared.errors import StoreBusy
from halo_shared.topology import BURIED_QUEUE

router = APIRouter(tags=["operation"])


@router.get(
    "/health",
    summary="Whether the controller works",
    responses={503: {"model": Health, "description": "The broker or the database does not answer."}},
)
async def health(controller: Unlimited, response: Response) -> Health:
    """The one path that needs no token. 200 while it works, alarms or not; 503 when it cannot."""
    depths = await queues.depths(controller, [BURIED_QUEUE])
    stored = await _stored(controller)
    answer = _judge(depths, stored)
    if answer.status is HealthStatus.DOWN:
        response.status_code = 503
    return answer


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the database says."""

    outbox: int
    agents: AgentCount
    leader: Leader | None


async def _stored(controller: Controller) -> _Stored | None:
    now = controller.clock.now()
    try:
        async with controller.database.read() as db:
            waiting = await outbox.count(db)
            leader = await leadership.current(db)
            states = Counter(agent.state(now).value for agent in await agents.every(db))
    except (SQLAlchemyError, StoreBusy):
        return None
    return _Stored(waiting, AgentCount(**states), leader)


def _judge(depths: dict[str, int | None] | None, stored: _Stored | None) -> Health:
    agent_count = stored.agents if stored else AgentCount()
    told = (
        *alarms.of_queues(depths),
        *((alarms.DATABASE_AWAY,) if stored is None else ()),
        *alarms.of_agents(agent_count),
    )
    down = depths is None or stored is None
    return Health(
        status=HealthStatus.DOWN if down else HealthStatus.ALARM if told else HealthStatus.OK,
        broker=depths is not None,
        database=stored is not None,
        outbox=stored.outbox if stored else 0,
        buried=depths.get(BURIED_QUEUE.name) if depths else None,
        agents=agent_count,
        leader=stored.leader.name if stored and stored.leader else "",
        alarms=told,
    )
