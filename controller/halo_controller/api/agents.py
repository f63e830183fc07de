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
from halo_controller.store import agents, runs, tenants
from halo_shared.topology import agent_queue

router = APIRouter(prefix="/agents", tags=["agents"])


@router.post("", status_code=201, summary="Register an agent", responses=NOT_FOUND | CONFLICT)
async def add(controller: Wired, body: Annotated[NewAgent, Body(openapi_examples=AGENT)]) -> AgentView:
    """Its queue is made on the broker at once, so that it is there when the agent starts."""
    now = controller.clock.now()
    async with controller.database.write() as db:
        group = await tenants.get_group(db, body.group)
        agent = await agents.add(db, body.name, group.name, now)
    note = await queues.declare(controller, agent_queue(agent.name))
    return AgentView.of(agent, now, note=note)


@router.get("", summary="List agents")
async def every(controller: Wired, group: str | None = None) -> Sequence[AgentView]:
    """`expected` was never heard of, `online` is heard, `silent` missed three heartbeats."""
    async with controller.database.read() as db:
        known = await agents.every(db, group)
    return [AgentView.of(agent, controller.clock.now()) for agent in known]


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
