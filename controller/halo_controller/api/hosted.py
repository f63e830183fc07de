"""The hosted integrator: what a tenant chooses of it, and what its host decides."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.access.roles import Action
from halo_controller.api.checking import check_integration
from halo_controller.api.context import Caller, Wired, needs
from halo_controller.api.errors import CONFLICT, NOT_FOUND
from halo_controller.api.examples import CLASSES, ENABLING, OVERRIDE
from halo_controller.api.models import Enabling, IntegrationView, OverrideRequest
from halo_controller.api.seeing import one_view
from halo_controller.audit.nouns import Noun
from halo_controller.defining import redefine
from halo_controller.errors import Conflict, Invalid
from halo_controller.hosting.nouns import Classes, Override
from halo_controller.store import announcements, hostings, integrations, tenants
from halo_shared.entities import EntityKind
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrations import IntegrationSpec
from halo_shared.integrators import HOSTED_GROUP, Integrator
from halo_shared.schedules import Timing

router = APIRouter(tags=["hosted"])

ONE = "/tenants/{tenant}/hosted/{name}"


@router.put(
    ONE,
    summary="Enable the hosted integrator for an integration",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.INTEGRATIONS_HOST)],
)
async def enable(
    controller: Wired,
    tenant: str,
    name: str,
    body: Annotated[Enabling, Body(openapi_examples=ENABLING)],
) -> IntegrationView:
    """The tenant chooses what is imported; when, is decided by the host. What is left out stays as it is."""
    ref, now = IntegrationRef(tenant, name), controller.clock.now()
    async with controller.changing(Noun.INTEGRATION, str(ref)) as change:
        owner = (await tenants.get(change.db, tenant)).spec
        before = next(
            (one.spec for one in await integrations.every(change.db, tenant) if one.spec.name == name), None
        )
        spec = await _wanted(change.db, ref, body, before)
        note = await check_integration(change.db, owner, spec)
        if before is None:
            await integrations.add(change.db, tenant, spec, now)
        elif spec != before:
            await redefine(change.db, ref, spec, now)
        await integrations.switch(change.db, ref, enabled=True)
        return await one_view(change.db, ref, now, note=note)


@router.put(
    ONE + "/time",
    summary="Give a hosted integration a time of its own",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.TIMES_SET)],
)
async def override(
    controller: Wired,
    caller: Caller,
    tenant: str,
    name: str,
    body: Annotated[OverrideRequest, Body(openapi_examples=OVERRIDE)],
) -> IntegrationView:
    """Instead of the time of its class, until that is given back; kept with who did it, when and why."""
    ref, now = IntegrationRef(tenant, name), controller.clock.now()
    timing = Timing.model_validate(body.model_dump(exclude={"reason"}, exclude_none=True))
    said = Override(timing=timing, who=str(caller), at=now, reason=body.reason)
    async with controller.changing(Noun.INTEGRATION, str(ref)) as change:
        await _set_time(change.db, ref, said)
        return await one_view(change.db, ref, now)


@router.delete(
    ONE + "/time",
    status_code=204,
    summary="Give it back the time of its class",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.TIMES_RESET)],
)
async def give_back(controller: Wired, tenant: str, name: str) -> None:
    """From now on it runs by its size again."""
    ref = IntegrationRef(tenant, name)
    async with controller.changing(Noun.INTEGRATION, str(ref)) as change:
        await _set_time(change.db, ref, None)


@router.get(
    "/hosted/classes", summary="How the host lets integrations run", dependencies=[needs(Action.CLASSES_READ)]
)
async def classes(controller: Wired) -> Classes:
    """Small ones through the day, large ones out of hours."""
    async with controller.database.read() as db:
        return await hostings.classes(db)


@router.put(
    "/hosted/classes",
    summary="Change how the host lets integrations run",
    dependencies=[needs(Action.CLASSES_CHANGE)],
)
async def set_classes(controller: Wired, body: Annotated[Classes, Body(openapi_examples=CLASSES)]) -> Classes:
    """All hosted integrations are planned anew; of which size they are shows with the next run of each."""
    async with controller.changing(Noun.CLASSES, "classes") as change:
        await hostings.set_classes(change.db, body)
        known = await integrations.every(change.db)
        await integrations.replan(change.db, *(one.ref for one in known if one.spec.group == HOSTED_GROUP))
    return body


async def _wanted(
    db: AsyncConnection, ref: IntegrationRef, body: Enabling, before: IntegrationSpec | None
) -> IntegrationSpec:
    """The definition that results; raises Conflict where an integration of that name is not hosted."""
    said = body.model_dump(exclude_none=True, by_alias=True)
    if before is None:
        fresh = {"name": ref.name, "connector": body.connector or ref.name, "group": HOSTED_GROUP}
        entities = body.entities or await _all_entities(db, body.connector or ref.name)
        return IntegrationSpec.model_validate(fresh | said | {"entities": entities})
    if before.group != HOSTED_GROUP:
        raise Conflict(
            f"'{ref}' runs locally, in group {before.group}. Enable it as it is with: "
            f"halo-controller integrations enable {ref}"
        )
    if body.connector not in (None, before.connector):
        raise Invalid(f"connector: '{ref}' uses '{before.connector}'; give another integration another name.")
    return IntegrationSpec.model_validate(before.model_dump(by_alias=True, exclude_none=True) | said)


async def _all_entities(db: AsyncConnection, connector: str) -> Sequence[EntityKind]:
    members = await announcements.every(db, HOSTED_GROUP)
    hosted = [known for agent in members for known in agent.connectors]
    found = next((one for one in hosted if one.name == connector), None)
    if found is None:
        named = ", ".join(sorted({one.name for one in hosted if Integrator.HOSTED in one.kinds}))
        raise Invalid(
            f"connector: '{connector}' is not in the catalogue of the hosted integrator"
            + (f"; it has {named}." if named else ", for no hosted agent has said yet what it can do.")
        )
    return found.entities


async def _set_time(db: AsyncConnection, ref: IntegrationRef, said: Override | None) -> None:
    integration = await integrations.get(db, ref)
    if integration.spec.group != HOSTED_GROUP:
        raise Conflict(f"'{ref}' is not hosted: its own definition says when it runs ('schedule').")
    before = await hostings.of(db, ref)
    await hostings.save(db, ref, before.model_copy(update={"override": said}))
    await integrations.replan(db, ref)
