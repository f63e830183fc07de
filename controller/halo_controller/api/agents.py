"""Agents: the programs on customers' networks."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body

from halo_controller.api import queues
from halo_controller.api.context import Wired
from halo_controller.api.errors import CONFLICT, NOT_FOUND
from halo_controller.api.examples import AGENT
from halo_controller.api.models import AgentView, NewAgent
from halo_controller.errors import Conflict
from halo_controller.nouns import AgentState
from halo_controller.store import agents, runs, strangers, tenants
from halo_controller.wiring import Controller
from halo_shared.topology import agent_queue

router = APIRouter(prefix="/agents", tags=["agents"])


@router.post("", status_code=201, summary="Register an agent", responses=NOT_FOUND | CONFLICT)
async def add(controller: Wired, body: Annotated[NewAgent, Body(openapi_examples=AGENT)]) -> AgentView:
    """Its queue is made on the broker at once, so that it is there when the agent starts."""
    now = controller.clock.now()
    async with controller.database.write() as db:
        group = await tenants.get_group(db, body.group)
        agent = await agents.add(db, body.name, group.name, now)
        await strangers.forget(db, agent.name)
    note = await queues.declare(controller, agent_queue(agent.name))
    return AgentView.of(agent, now, note=note)


@router.get("", summary="List agents")
async def every(controller: Wired, group: str | None = None) -> Sequence[AgentView]:
    """`expected` was never heard of, `online` is heard, `silent` missed three heartbeats, `stalled` is heard and does
    not move, `draining` takes nothing new, `stopped` said goodbye."""
    async with controller.database.read() as db:
        known = await agents.every(db, group)
    return [AgentView.of(agent, controller.clock.now()) for agent in known]


@router.post("/{agent}/drain", summary="Drain an agent", responses=NOT_FOUND)
async def drain(controller: Wired, agent: str) -> AgentView:
    """It finishes what it has and takes nothing new; what waits goes to the others of its group."""
    return await _drain(controller, agent, draining=True)


@router.post("/{agent}/resume", summary="Let a drained agent work again", responses=NOT_FOUND)
async def resume(controller: Wired, agent: str) -> AgentView:
    """It takes jobs again as soon as it hears of it, within a heartbeat."""
    return await _drain(controller, agent, draining=False)


async def _drain(controller: Controller, name: str, *, draining: bool) -> AgentView:
    now = controller.clock.now()
    async with controller.database.write() as db:
        agent = await agents.drain(db, name, draining=draining)
        others = [one for one in await agents.every(db, agent.group) if one.name != name]
    able = [one for one in others if one.state(now) is AgentState.ONLINE]
    alone = (
        "" if able or not draining else f"No other agent of group '{agent.group}' is online: its work waits."
    )
    return AgentView.of(agent, now, note=alone)


@router.get("/{agent}", summary="Show an agent", responses=NOT_FOUND)
async def show(controller: Wired, agent: str) -> AgentView:
    """What it is, what it does now, and its connectors with the JSON schema of their settings."""
    async with controller.database.read() as db:
        return AgentView.of(await agents.get(db, agent), controller.clock.now())


@router.delete("/{agent}", status_code=204, summary="Remove an agent", responses=NOT_FOUND | CONFLICT)
async def remove(controller: Wired, agent: str) -> None:
    """It is refused while the agent has an open run."""
    async with controller.database.write() as db:
        known = await agents.get(db, agent)
        for run in await runs.still_open(db):
            if run.agent == known.name:
                raise Conflict(
                    f"Agent '{known.name}' has an open run {run.id} ({run.status}); wait for its end, "
                    f"or stop it with: halo-controller runs cancel {run.id}"
                )
        await agents.remove(db, known.name)
