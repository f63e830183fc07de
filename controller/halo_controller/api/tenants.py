"""Tenants: the Halo instances that are kept in step."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body

from halo_controller.api.checking import check_place
from halo_controller.api.context import Wired
from halo_controller.api.errors import CONFLICT, NOT_FOUND
from halo_controller.api.examples import TENANT
from halo_controller.errors import Conflict, Invalid
from halo_controller.nouns import Tenant
from halo_controller.store import integrations, tenants
from halo_shared.integrations import TenantSpec

router = APIRouter(prefix="/tenants", tags=["tenants"])

Spec = Annotated[TenantSpec, Body(openapi_examples=TENANT)]


@router.post("", status_code=201, summary="Add a tenant", responses=CONFLICT)
async def add(controller: Wired, spec: Spec) -> Tenant:
    """Secrets are named (`secret://name`), never sent: their values lie on the agents."""
    async with controller.database.write() as db:
        return await tenants.add(db, spec, controller.clock.now())


@router.get("", summary="List tenants")
async def every(controller: Wired) -> Sequence[Tenant]:
    async with controller.database.read() as db:
        return await tenants.every(db)


@router.get("/{tenant}", summary="Show a tenant", responses=NOT_FOUND)
async def show(controller: Wired, tenant: str) -> Tenant:
    async with controller.database.read() as db:
        return await tenants.get(db, tenant)


@router.put("/{tenant}", summary="Replace a tenant's definition", responses=NOT_FOUND | CONFLICT)
async def change(controller: Wired, tenant: str, spec: Spec) -> Tenant:
    """The next run of each of its integrations reads everything; one that an agent works on ends as it began."""
    if spec.name != tenant:
        raise Invalid(f"name: this is the definition of '{spec.name}', and it was sent to '{tenant}'.")
    async with controller.database.write() as db:
        for one in await integrations.every(db, tenant):
            try:
                await check_place(db, spec, one.spec)
            except Invalid as error:
                raise Conflict(f"'{one.ref}' cannot stay as it is: {error.message}") from error
        await tenants.change(db, spec)
        return await tenants.get(db, tenant)
