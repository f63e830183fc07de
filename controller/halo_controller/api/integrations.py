"""Integrations: what is read from where, written how, when and by whom."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body

from halo_controller.api.checking import check_integration
from halo_controller.api.context import Caller, Wired
from halo_controller.api.errors import CONFLICT, NOT_FOUND
from halo_controller.api.examples import INTEGRATION, LIMITS
from halo_controller.api.models import GroupChoice, IntegrationView, PauseRequest, RunRequest
from halo_controller.api.seeing import every_view, one_view
from halo_controller.dispatcher import open_run
from halo_controller.errors import Invalid
from halo_controller.nouns import Run, Trigger
from halo_controller.scheduler import situation_of
from halo_controller.scheduling import standing as standing_rules
from halo_controller.scheduling.nouns import Pause
from halo_controller.store import integrations, standings, tenants
from halo_controller.wiring import Controller
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrations import IntegrationSpec
from halo_shared.limits import Limits

router = APIRouter(tags=["integrations"])

ALL = "/tenants/{tenant}/integrations"
ONE = ALL + "/{name}"

Spec = Annotated[IntegrationSpec, Body(openapi_examples=INTEGRATION)]
NewLimits = Annotated[Limits, Body(openapi_examples=LIMITS)]


@router.post(ALL, status_code=201, summary="Create an integration", responses=NOT_FOUND | CONFLICT)
async def create(controller: Wired, tenant: str, spec: Spec) -> IntegrationView:
    """It is created disabled: enable it when its definition is right."""
    now = controller.clock.now()
    async with controller.database.write() as db:
        known = await tenants.get(db, tenant)
        await check_integration(db, known.spec, spec)
        integration = await integrations.add(db, known.spec.name, spec, now)
        return await one_view(db, integration.ref, controller.clock.now())


@router.get("/integrations", summary="List integrations")
async def every(controller: Wired, tenant: str | None = None) -> Sequence[IntegrationView]:
    """With `tenant`, those of one tenant."""
    async with controller.database.read() as db:
        return await every_view(db, tenant, controller.clock.now())


@router.get(ONE, summary="Show an integration", responses=NOT_FOUND)
async def show(controller: Wired, tenant: str, name: str) -> IntegrationView:
    """Its definition, when it runs next and why or why not, and its last run."""
    async with controller.database.read() as db:
        return await one_view(db, IntegrationRef(tenant, name), controller.clock.now())


@router.put(ONE, summary="Replace an integration's definition", responses=NOT_FOUND)
async def change(controller: Wired, tenant: str, name: str, spec: Spec) -> IntegrationView:
    """The next run reads everything. A definition that names no group keeps the one that is assigned."""
    if spec.name != name:
        raise Invalid(f"name: this is the definition of '{spec.name}', and it was sent to '{tenant}/{name}'.")
    ref = IntegrationRef(tenant, name)
    async with controller.database.write() as db:
        await integrations.hold(db, ref)
        before = await integrations.get(db, ref)
        after = spec.model_copy(update={"group": spec.group or before.spec.group})
        await check_integration(db, (await tenants.get(db, tenant)).spec, after)
        await integrations.change(db, ref, after, controller.clock.now())
        await standings.save(db, ref, standing_rules.changed(await standings.of(db, ref)))
        return await one_view(db, ref, controller.clock.now())


@router.post(ONE + "/enable", summary="Enable an integration", responses=NOT_FOUND)
async def enable(controller: Wired, tenant: str, name: str) -> IntegrationView:
    """From now on it runs by its schedule, and when asked for."""
    return await _switch(controller, IntegrationRef(tenant, name), enabled=True)


@router.post(ONE + "/disable", summary="Disable an integration", responses=NOT_FOUND)
async def disable(controller: Wired, tenant: str, name: str) -> IntegrationView:
    """It opens no more runs; one that an agent works on goes on to its end."""
    return await _switch(controller, IntegrationRef(tenant, name), enabled=False)


@router.post(ONE + "/pause", summary="Pause an integration", responses=NOT_FOUND)
async def pause(
    controller: Wired, caller: Caller, tenant: str, name: str, body: PauseRequest
) -> IntegrationView:
    """It runs by itself no more until it is resumed; a run that is asked for still runs."""
    ref, now = IntegrationRef(tenant, name), controller.clock.now()
    async with controller.database.write() as db:
        before = (await situation_of(db, ref, now)).standing
        paused = Pause(since=now, who=str(caller), reason=body.reason or "no reason was given")
        await standings.save(db, ref, before.model_copy(update={"pause": paused, "retry_at": None}))
        return await one_view(db, ref, controller.clock.now())


@router.post(ONE + "/resume", summary="Resume an integration", responses=NOT_FOUND)
async def resume(controller: Wired, tenant: str, name: str) -> IntegrationView:
    """It runs by its schedule again, whatever paused it or slowed it down."""
    ref = IntegrationRef(tenant, name)
    async with controller.database.write() as db:
        before = (await situation_of(db, ref, controller.clock.now())).standing
        await standings.save(db, ref, standing_rules.resumed(before))
        return await one_view(db, ref, controller.clock.now())


@router.post(ONE + "/assign", summary="Assign an integration to a group", responses=NOT_FOUND)
async def assign(controller: Wired, tenant: str, name: str, body: GroupChoice) -> IntegrationView:
    """Its runs go to the agents of this group from now on; in another group the next run reads everything."""
    ref = IntegrationRef(tenant, name)
    async with controller.database.write() as db:
        await integrations.hold(db, ref)
        before = await integrations.get(db, ref)
        after = before.spec.model_copy(update={"group": body.group})
        await check_integration(db, (await tenants.get(db, tenant)).spec, after)
        if after != before.spec:
            await integrations.change(db, ref, after, controller.clock.now())
        return await one_view(db, ref, controller.clock.now())


@router.put(ONE + "/limits", summary="Change how much one run may do", responses=NOT_FOUND)
async def limit(controller: Wired, tenant: str, name: str, limits: NewLimits) -> IntegrationView:
    """The next run obeys them, also one that is queued again; what was read before still counts."""
    ref = IntegrationRef(tenant, name)
    async with controller.database.write() as db:
        before = await integrations.get(db, ref)
        after = before.spec.model_copy(update={"limits": limits})
        await integrations.adjust(db, ref, after, controller.clock.now())
        return await one_view(db, ref, controller.clock.now())


@router.post(ONE + "/run", status_code=202, summary="Run an integration now", responses=NOT_FOUND | CONFLICT)
async def run(
    controller: Wired, caller: Caller, tenant: str, name: str, body: RunRequest | None = None
) -> Run:
    """Opens a run and sends its job; follow it with `GET /runs/{run}`. One run at a time per integration."""
    asked = f"{caller} asked for it"
    reason = f"{asked}: {body.reason}" if body and body.reason else asked
    async with controller.database.write() as db:
        opened = await open_run(
            db,
            IntegrationRef(tenant, name),
            Trigger.PERSON,
            reason,
            controller.clock.now(),
            mode=body.mode if body else None,
        )
    controller.publisher.wake()
    return opened


async def _switch(controller: Controller, ref: IntegrationRef, *, enabled: bool) -> IntegrationView:
    async with controller.database.write() as db:
        await integrations.get(db, ref)
        await integrations.switch(db, ref, enabled=enabled)
        return await one_view(db, ref, controller.clock.now())
