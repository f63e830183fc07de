"""Agents: the programs on customers' networks."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body

from halo_controller import steering
from halo_controller.access.roles import Action
from halo_controller.api import queues
from halo_controller.api.context import Asked, Wired, needs
from halo_controller.api.errors import CONFLICT, NOT_FOUND
from halo_controller.api.examples import AGENT
from halo_controller.api.models import AgentDetail, AgentView, NewAgent
from halo_controller.audit.nouns import Noun
from halo_controller.nouns import AgentState, Equipped
from halo_controller.store import agents, announcements, strangers, tenants
from halo_shared.topology import agent_queue

router = APIRouter(prefix="/agents", tags=["agents"])


@router.post(
    "",
    status_code=201,
    summary="Register an agent",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.AGENTS_ADD)],
)
async def add(controller: Wired, body: Annotated[NewAgent, Body(openapi_examples=AGENT)]) -> AgentView:
    """Its queue is made on the broker at once, so that it is there when the agent starts."""
    now = controller.clock.now()
    async with controller.changing(Noun.AGENT, body.name) as change:
        group = await tenants.get_group(change.db, body.group)
        agent = await agents.add(change.db, body.name, group.name, now)
        await strangers.forget(change.db, {agent.name})
    note = await queues.declare(controller, agent_queue(agent.name))
    return AgentView.of(Equipped(**dict(agent)), now, note=note)


@router.get("", summary="List agents", dependencies=[needs(Action.AGENTS_READ)])
async def every(controller: Wired, group: str | None = None) -> Sequence[AgentView]:
    """`expected` was never heard of, `online` is heard, `silent` missed three heartbeats, `stalled` is heard and does
    not move, `draining` takes nothing new, `stopped` said goodbye."""
    async with controller.database.read() as db:
        known = await announcements.every(db, group)
    return [_view(controller, agent) for agent in known]


@router.post(
    "/{agent}/drain", summary="Drain an agent", responses=NOT_FOUND, dependencies=[needs(Action.AGENTS_DRAIN)]
)
async def drain(controller: Wired, agent: str) -> AgentView:
    """It finishes what it has and takes nothing new; what waits goes to the others of its group at once."""
    return await _drain(controller, agent, draining=True)


@router.post(
    "/{agent}/resume",
    summary="Let a drained agent work again",
    responses=NOT_FOUND,
    dependencies=[needs(Action.AGENTS_RESUME)],
)
async def resume(controller: Wired, agent: str) -> AgentView:
    """It takes jobs again at once, or with its next heartbeat where it cannot be reached now."""
    return await _drain(controller, agent, draining=False)


async def _drain(controller: Asked, name: str, *, draining: bool) -> AgentView:
    now = controller.clock.now()
    async with controller.changing(Noun.AGENT, name) as change:
        drained = await steering.drain(change.db, name, draining=draining)
        (agent,) = await announcements.equipped(change.db, [drained])
        others = [one for one in await agents.every(change.db, agent.group) if one.name != name]
    controller.publisher.wake()
    able = [one for one in others if one.state(now) is AgentState.ONLINE]
    alone = (
        "" if able or not draining else f"No other agent of group '{agent.group}' is online: its work waits."
    )
    return AgentView.of(agent, now, note=alone)


@router.get(
    "/{agent}", summary="Show an agent", responses=NOT_FOUND, dependencies=[needs(Action.AGENTS_READ)]
)
async def show(controller: Wired, agent: str) -> AgentDetail:
    """What it is, what it does now, and its connectors with the JSON schema of their settings."""
    async with controller.database.read() as db:
        (found,) = await announcements.equipped(db, [await agents.get(db, agent)])
    return AgentDetail(**dict(_view(controller, found)), announced=found.connectors)


@router.delete(
    "/{agent}",
    status_code=204,
    summary="Remove an agent",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.AGENTS_REMOVE)],
)
async def remove(controller: Wired, agent: str) -> None:
    """It is refused while the agent has an open run."""
    async with controller.changing(Noun.AGENT, agent) as change:
        await steering.forget(change.db, agent)


def _view(controller: Asked, agent: Equipped) -> AgentView:
    # What it does names the runs of whichever tenants it serves.
    shown = agent if controller.bearer.sees is None else agent.model_copy(update={"doing": ()})
    return AgentView.of(shown, controller.clock.now())
