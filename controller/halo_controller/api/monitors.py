"""Monitors: named consumers of status events, with a queue and an account of their own on the broker."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body

from halo_controller.access.deciding import HOST
from halo_controller.access.roles import Action
from halo_controller.api.context import Wired, needs
from halo_controller.api.errors import CONFLICT, NOT_FOUND
from halo_controller.api.examples import MONITOR
from halo_controller.audit.nouns import Noun, Snapshot
from halo_controller.errors import Conflict, NotFound
from halo_controller.monitors.broker import Monitors
from halo_controller.monitors.nouns import Admitted, Monitor, NewMonitor
from halo_controller.store import tenants
from halo_controller.wiring import Controller

router = APIRouter(prefix="/monitors", tags=["operation"])


@router.post(
    "",
    status_code=201,
    summary="Add a monitor",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.MONITORS_ADD)],
)
async def add(controller: Wired, body: Annotated[NewMonitor, Body(openapi_examples=MONITOR)]) -> Admitted:
    """The answer holds its password, which is said this once and kept nowhere."""
    monitors = _monitors(controller)
    await monitors.unknown(body.name)
    async with controller.changing(Noun.MONITOR, body.name) as change:
        if body.tenant:
            await tenants.get(change.db, body.tenant)
        change.after = _snapshot(body.tenant, body)
    return await monitors.add(body)


@router.get("", summary="List monitors", responses=CONFLICT, dependencies=[needs(Action.MONITORS_READ)])
async def every(controller: Wired) -> Sequence[Monitor]:
    """With what waits for each, and how much was dropped because it was too slow."""
    found = await _monitors(controller).every()
    sees = controller.bearer.sees
    return [one for one in found if sees is None or one.tenant in sees]


@router.delete(
    "/{monitor}",
    status_code=204,
    summary="Remove a monitor",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.MONITORS_REMOVE)],
)
async def remove(controller: Wired, monitor: str) -> None:
    """Its queue and its account end, and its connection with them."""
    known = {one.name: one for one in await every(controller)}
    if monitor not in known:
        raise NotFound(f"There is no monitor '{monitor}'. List them with: halo-controller monitors list")
    async with controller.changing(Noun.MONITOR, monitor) as change:
        change.before = _snapshot(known[monitor].tenant, known[monitor])
    await _monitors(controller).remove(monitor)


def _snapshot(tenant: str | None, monitor: NewMonitor | Monitor) -> Snapshot:
    """What the audit log says of it; written before the broker is asked: nobody may change it unnoticed."""
    owners = frozenset({tenant}) if tenant else HOST
    return Snapshot(
        owners=owners, fields=monitor.model_dump(mode="json", include={"name", "keys", "longest"})
    )


def _monitors(controller: Controller) -> Monitors:
    if controller.monitors is None:
        raise Conflict("This controller works without a broker of its own, so nobody else can listen to it.")
    return controller.monitors
