"""Tenants: the Halo instances that are kept in step."""

from collections.abc import Sequence
from typing import Annotated, Final
from uuid import uuid4

from fastapi import APIRouter, Body

from halo_controller.access.roles import Action
from halo_controller.api.checking import check_place
from halo_controller.api.context import Asked, Wired, needs
from halo_controller.api.errors import CONFLICT, NOT_FOUND
from halo_controller.api.examples import TENANT
from halo_controller.audit.nouns import Noun
from halo_controller.errors import Conflict, Invalid
from halo_controller.hosting.trying import tester
from halo_controller.nouns import HaloCheck, Tenant
from halo_controller.store import agents, checks, integrations, outbox, tenants
from halo_controller.store.outbox import Posting
from halo_shared.identifiers import GroupId
from halo_shared.integrations import TenantSpec
from halo_shared.messages.codec import seal
from halo_shared.messages.commands import CheckHalo
from halo_shared.topology import to_agent

router = APIRouter(prefix="/tenants", tags=["tenants"])

PATIENCE: Final = 28.0
"""Seconds; the agent gives up before."""
LOOK_EVERY: Final = 0.2

Spec = Annotated[TenantSpec, Body(openapi_examples=TENANT)]


@router.post(
    "", status_code=201, summary="Add a tenant", responses=CONFLICT, dependencies=[needs(Action.TENANTS_ADD)]
)
async def add(controller: Wired, spec: Spec) -> Tenant:
    """Secrets are named (`secret://name`), never sent: their values lie on the agents."""
    async with controller.changing(Noun.TENANT, spec.name) as change:
        return await tenants.add(change.db, spec, controller.clock.now())


@router.post(
    "/{tenant}/check",
    summary="Try a tenant's Halo",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.TENANTS_CHECK)],
)
async def check(controller: Wired, tenant: str, group: GroupId | None = None) -> HaloCheck:
    """An agent enters it with the tenant's application and tells what it may do there; nothing is written.

    One of the given group, else one that works for the tenant. Answers without `answer` when the agent is too slow.
    """
    now, ask = controller.clock.now(), uuid4()
    async with controller.changing(Noun.TENANT, tenant) as change:
        spec = (await tenants.get(change.db, tenant)).spec
        groups = (
            [await tenants.get_group(change.db, group)] if group else await tenants.every_group(change.db)
        )
        agent = tester(spec, groups, await agents.every(change.db), now)
        if agent is None:
            raise Conflict(
                f"No agent that can be heard works for tenant '{tenant}'; once one runs, try again with: "
                f"halo-controller tenants check {tenant}"
            )
        await checks.ask(change.db, tenant, ask, agent.name, now)
        command = CheckHalo(ask=ask, tenant=tenant, halo=spec.halo.entered_by(agent.group))
        sealed = seal(command, message_id=str(ask), version=agent.protocol)
        await outbox.put(change.db, Posting(sealed, to_agent(agent.name)))
    controller.publisher.wake()
    return await _answered(controller, tenant)


async def _answered(controller: Asked, tenant: str) -> HaloCheck:
    """The try once it is over, or as it is when nobody waits any longer."""
    give_up_at = controller.clock.monotonic() + PATIENCE
    while True:
        async with controller.database.read() as db:
            found = await checks.of(db, tenant)
        if found and (found.answer or controller.clock.monotonic() > give_up_at):
            return found
        await controller.clock.sleep(LOOK_EVERY)


@router.get("", summary="List tenants", dependencies=[needs(Action.TENANTS_READ)])
async def every(controller: Wired) -> Sequence[Tenant]:
    async with controller.database.read() as db:
        return await tenants.every(db)


@router.get(
    "/{tenant}", summary="Show a tenant", responses=NOT_FOUND, dependencies=[needs(Action.TENANTS_READ)]
)
async def show(controller: Wired, tenant: str) -> Tenant:
    async with controller.database.read() as db:
        return await tenants.get(db, tenant)


@router.put(
    "/{tenant}",
    summary="Replace a tenant's definition",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.TENANTS_CHANGE)],
)
async def change(controller: Wired, tenant: str, spec: Spec) -> Tenant:
    """The next run of each of its integrations reads everything; one that an agent works on ends as it began."""
    if spec.name != tenant:
        raise Invalid(f"name: this is the definition of '{spec.name}', and it was sent to '{tenant}'.")
    async with controller.changing(Noun.TENANT, tenant) as change:
        for one in await integrations.every(change.db, tenant):
            try:
                await check_place(change.db, spec, one.spec)
            except Invalid as error:
                raise Conflict(f"'{one.ref}' cannot stay as it is: {error.message}") from error
        await tenants.change(change.db, spec)
        return await tenants.get(change.db, tenant)
