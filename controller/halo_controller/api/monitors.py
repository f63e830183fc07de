"""Monitors: named consumers of status events, with a queue and an account of their own on the broker."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body

from halo_controller.api.context import Wired
from halo_controller.api.errors import CONFLICT, NOT_FOUND
from halo_controller.api.examples import MONITOR
from halo_controller.errors import Conflict
from halo_controller.monitors.broker import Monitors
from halo_controller.monitors.nouns import Admitted, Monitor, NewMonitor
from halo_controller.store import tenants
from halo_controller.wiring import Controller

router = APIRouter(prefix="/monitors", tags=["operation"])


@router.post("", status_code=201, summary="Add a monitor", responses=NOT_FOUND | CONFLICT)
async def add(controller: Wired, body: Annotated[NewMonitor, Body(openapi_examples=MONITOR)]) -> Admitted:
    """The answer holds its password, which is said this once and kept nowhere."""
    if body.tenant:
        async with controller.database.read() as db:
            await tenants.get(db, body.tenant)
    return await _monitors(controller).add(body)


@router.get("", summary="List monitors", responses=CONFLICT)
async def every(controller: Wired) -> Sequence[Monitor]:
    """With what waits for each, and how much was dropped because it was too slow."""
    return await _monitors(controller).every()


@router.delete("/{monitor}", status_code=204, summary="Remove a monitor", responses=NOT_FOUND | CONFLICT)
async def remove(controller: Wired, monitor: str) -> None:
    """Its queue and its account end, and its connection with them."""
    await _monitors(controller).remove(monitor)


def _monitors(controller: Controller) -> Monitors:
    if controller.monitors is None:
        raise Conflict("This controller works without a broker of its own, so nobody else can listen to it.")
    return controller.monitors
