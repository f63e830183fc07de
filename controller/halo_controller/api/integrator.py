"""The three pages that Halo shows of its integrator: what is active, when it runs, and what ran."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from halo_controller.access.roles import Action
from halo_controller.api.context import Wired, needs
from halo_controller.api.pages import ActiveRow, LogRow, ScheduleRow
from halo_controller.api.seeing import every_view
from halo_controller.hosting.nouns import UNMEASURED
from halo_controller.hosting.reading import every_times
from halo_controller.store import hostings, integrations, runs, tenants
from halo_shared.integrators import Integrator

router = APIRouter(prefix="/integrator", tags=["integrator"])

Limit = Annotated[int, Query(ge=1, le=1_000)]


@router.get("/active", summary="Active integrations", dependencies=[needs(Action.INTEGRATIONS_READ)])
async def active(controller: Wired, tenant: str | None = None, all: bool = False) -> Sequence[ActiveRow]:  # noqa: A002 - as it is asked for
    """Those that the hosted integrator runs, with their last sync and last error; with `all` every enabled one."""
    now = controller.clock.now()
    async with controller.database.read() as db:
        views = await every_view(db, tenant, now)
        kinds = {group.name: group.kind for group in await tenants.every_group(db)}
        ended = await runs.latest(db, tenant, ended=True)
    rows = [
        ActiveRow.of(
            view,
            kinds.get(view.spec.group or "", Integrator.LOCAL),
            ended.get(view.ref),
        )
        for view in views
        if view.enabled
    ]
    return [row for row in rows if all or row.integrator is Integrator.HOSTED]


@router.get("/schedule", summary="Hosted integrator schedule", dependencies=[needs(Action.INTEGRATIONS_READ)])
async def schedule(controller: Wired, tenant: str | None = None) -> Sequence[ScheduleRow]:
    """When each enabled hosted integration is due next, and why then; the soonest first."""
    now = controller.clock.now()
    async with controller.database.read() as db:
        views = await every_view(db, tenant, now)
        hosted = await every_times(db, await integrations.every(db, tenant))
        known = await hostings.every(db)
    rows = [
        ScheduleRow.of(view, known.get(view.ref, UNMEASURED), hosted[view.ref].because)
        for view in views
        if view.enabled and view.ref in hosted
    ]
    return sorted(rows, key=lambda row: (row.at is None, row.at or now, row.tenant, row.integration))


@router.get("/log", summary="Integrator log", dependencies=[needs(Action.RUNS_READ)])
async def log(
    controller: Wired, tenant: str | None = None, integration: str | None = None, limit: Limit = 50
) -> Sequence[LogRow]:
    """Each run of any kind of integrator, newest first; open one with `GET /runs/{run}/story`."""
    async with controller.database.read() as db:
        kinds = {group.name: group.kind for group in await tenants.every_group(db)}
        found = await runs.every(db, tenant=tenant, integration=integration, limit=limit)
    return [LogRow.of(run, kinds.get(run.group, Integrator.LOCAL)) for run in found]
