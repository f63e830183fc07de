"""Integrations: what is read from where, written how, when and by whom."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body

from halo_controller.access.roles import Action
from halo_controller.api.checking import check_connector, check_integration
from halo_controller.api.context import Caller, Wired, needs
from halo_controller.api.errors import CONFLICT, NOT_FOUND
from halo_controller.api.examples import INTEGRATION, LIMITS
from halo_controller.api.models import GroupChoice, IntegrationView, PauseRequest, RunRequest
from halo_controller.api.seeing import every_view, one_view
from halo_controller.audit.nouns import Noun
from halo_controller.defining import redefine
from halo_controller.dispatcher import open_run
from halo_controller.errors import Invalid
from halo_controller.nouns import Run, Trigger
from halo_controller.scheduling import standing as standing_rules
from halo_controller.scheduling.nouns import Pause
from halo_controller.store import announcements, integrations, standings, tenants
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrations import IntegrationSpec
from halo_shared.limits import Limits

router = APIRouter(tags=["integrations"])

ALL = "/tenants/{tenant}/integrations"
ONE = ALL + "/{name}"

Spec = Annotated[IntegrationSpec, Body(openapi_examples=INTEGRATION)]
NewLimits = Annotated[Limits, Body(openapi_examples=LIMITS)]


@router.post(
    ALL,
    status_code=201,
    summary="Create an integration",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.INTEGRATIONS_CREATE)],
)
async def create(controller: Wired, tenant: str, spec: Spec) -> IntegrationView:
    """It is created disabled: enable it when its definition is right."""
    now = controller.clock.now()
    async with controller.changing(Noun.INTEGRATION, f"{tenant}/{spec.name}") as change:
        known = await tenants.get(change.db, tenant)
        note = await check_integration(change.db, known.spec, spec)
        integration = await integrations.add(change.db, known.spec.name, spec, now)
        return await one_view(change.db, integration.ref, controller.clock.now(), note=note)


@router.get("/integrations", summary="List integrations", dependencies=[needs(Action.INTEGRATIONS_READ)])
async def every(controller: Wired, tenant: str | None = None) -> Sequence[IntegrationView]:
    """With `tenant`, those of one tenant."""
    async with controller.database.read() as db:
        return await every_view(db, tenant, controller.clock.now())


@router.get(
    ONE, summary="Show an integration", responses=NOT_FOUND, dependencies=[needs(Action.INTEGRATIONS_READ)]
)
async def show(controller: Wired, tenant: str, name: str) -> IntegrationView:
    """Its definition, when it runs next and why or why not, and its last run."""
    async with controller.database.read() as db:
        return await one_view(db, IntegrationRef(tenant, name), controller.clock.now())


@router.put(
    ONE,
    summary="Replace an integration's definition",
    responses=NOT_FOUND,
    dependencies=[needs(Action.INTEGRATIONS_CHANGE)],
)
async def change(controller: Wired, tenant: str, name: str, spec: Spec) -> IntegrationView:
    """The next run reads everything, unless only the time or the limits changed. Without a group it keeps its own."""
    if spec.name != name:
        raise Invalid(f"name: this is the definition of '{spec.name}', and it was sent to '{tenant}/{name}'.")
    ref = IntegrationRef(tenant, name)
    async with controller.changing(Noun.INTEGRATION, str(ref)) as change:
        await integrations.hold(change.db, ref)
        before = await integrations.get(change.db, ref)
        after = spec.model_copy(update={"group": spec.group or before.spec.group})
        note = await check_integration(change.db, (await tenants.get(change.db, tenant)).spec, after)
        await redefine(change.db, ref, after, controller.clock.now())
        return await one_view(change.db, ref, controller.clock.now(), note=note)


@router.post(
    ONE + "/enable",
    summary="Enable an integration",
    responses=NOT_FOUND,
    dependencies=[needs(Action.INTEGRATIONS_ENABLE)],
)
async def enable(controller: Wired, tenant: str, name: str) -> IntegrationView:
    """From now on it runs by its schedule, and when asked for. What its agents have announced since must fit."""
    ref = IntegrationRef(tenant, name)
    async with controller.changing(Noun.INTEGRATION, str(ref)) as change:
        spec = (await integrations.get(change.db, ref)).spec
        note = check_connector(spec, await announcements.every(change.db))
        await integrations.switch(change.db, ref, enabled=True)
        return await one_view(change.db, ref, controller.clock.now(), note=note)


@router.post(
    ONE + "/disable",
    summary="Disable an integration",
    responses=NOT_FOUND,
    dependencies=[needs(Action.INTEGRATIONS_DISABLE)],
)
async def disable(controller: Wired, tenant: str, name: str) -> IntegrationView:
    """It opens no more runs; one that an agent works on goes on to its end."""
    ref = IntegrationRef(tenant, name)
    async with controller.changing(Noun.INTEGRATION, str(ref)) as change:
        await integrations.get(change.db, ref)
        await integrations.switch(change.db, ref, enabled=False)
        standing = standing_rules.without_retry(await standings.of(change.db, ref))
        await standings.save(change.db, ref, standing)
        return await one_view(change.db, ref, controller.clock.now())


@router.post(
    ONE + "/pause",
    summary="Pause an integration",
    responses=NOT_FOUND,
    dependencies=[needs(Action.INTEGRATIONS_PAUSE)],
)
async def pause(
    controller: Wired, caller: Caller, tenant: str, name: str, body: PauseRequest
) -> IntegrationView:
    """It runs by itself no more until it is resumed; a run that is asked for still runs."""
    ref, now = IntegrationRef(tenant, name), controller.clock.now()
    async with controller.changing(Noun.INTEGRATION, str(ref)) as change:
        await integrations.get(change.db, ref)
        before = await standings.of(change.db, ref)
        paused = Pause(since=now, who=str(caller), reason=body.reason or "no reason was given")
        standing = standing_rules.without_retry(before).model_copy(update={"pause": paused})
        await standings.save(change.db, ref, standing)
        return await one_view(change.db, ref, controller.clock.now())


@router.post(
    ONE + "/resume",
    summary="Resume an integration",
    responses=NOT_FOUND,
    dependencies=[needs(Action.INTEGRATIONS_RESUME)],
)
async def resume(controller: Wired, tenant: str, name: str) -> IntegrationView:
    """It runs by its schedule again, whatever paused it or slowed it down."""
    ref = IntegrationRef(tenant, name)
    async with controller.changing(Noun.INTEGRATION, str(ref)) as change:
        await integrations.get(change.db, ref)
        before = await standings.of(change.db, ref)
        await standings.save(change.db, ref, standing_rules.resumed(before))
        return await one_view(change.db, ref, controller.clock.now())


@router.post(
    ONE + "/assign",
    summary="Assign an integration to a group",
    responses=NOT_FOUND,
    dependencies=[needs(Action.INTEGRATIONS_ASSIGN)],
)
async def assign(controller: Wired, tenant: str, name: str, body: GroupChoice) -> IntegrationView:
    """Its runs go to the agents of this group from now on; in another group the next run reads everything."""
    ref = IntegrationRef(tenant, name)
    async with controller.changing(Noun.INTEGRATION, str(ref)) as change:
        await integrations.hold(change.db, ref)
        before = await integrations.get(change.db, ref)
        after = before.spec.model_copy(update={"group": body.group})
        note = await check_integration(change.db, (await tenants.get(change.db, tenant)).spec, after)
        if after != before.spec:
            await redefine(change.db, ref, after, controller.clock.now())
        return await one_view(change.db, ref, controller.clock.now(), note=note)


@router.put(
    ONE + "/limits",
    summary="Change how much one run may do",
    responses=NOT_FOUND,
    dependencies=[needs(Action.INTEGRATIONS_LIMIT)],
)
async def limit(controller: Wired, tenant: str, name: str, limits: NewLimits) -> IntegrationView:
    """The next run obeys them, also one that is queued again; what was read before still counts."""
    ref = IntegrationRef(tenant, name)
    async with controller.changing(Noun.INTEGRATION, str(ref)) as change:
        before = await integrations.get(change.db, ref)
        after = before.spec.model_copy(update={"limits": limits})
        await integrations.adjust(change.db, ref, after, controller.clock.now())
        return await one_view(change.db, ref, controller.clock.now())


@router.post(
    ONE + "/run",
    status_code=202,
    summary="Run an integration now",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.RUNS_START)],
)
async def run(
    controller: Wired, caller: Caller, tenant: str, name: str, body: RunRequest | None = None
) -> Run:
    """Opens a run and sends its job; follow it with `GET /runs/{run}`. One run at a time per integration."""
    asked = f"{caller} asked for it"
    reason = f"{asked}: {body.reason}" if body and body.reason else asked
    async with controller.changing(Noun.RUN) as change:
        opened = await open_run(
            change.db,
            IntegrationRef(tenant, name),
            Trigger.PERSON,
            reason,
            controller.clock.now(),
            mode=body.mode if body else None,
        )
        change.name = opened.id
    controller.publisher.wake()
    return opened
