"""Runs that explain: a preview, and a run of one record, told step by step."""

from typing import Annotated

from fastapi import APIRouter, Body
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.access.roles import Action
from halo_controller.api.context import Caller, Wired, needs
from halo_controller.api.errors import CONFLICT, NOT_FOUND
from halo_controller.api.examples import ONE_RECORD
from halo_controller.api.models import OneRecordRequest
from halo_controller.audit.nouns import Noun
from halo_controller.dispatcher import open_run
from halo_controller.errors import Conflict
from halo_controller.nouns import Explaining, Run, Trigger
from halo_controller.store import tenants
from halo_shared.identifiers import IntegrationRef
from halo_shared.outcomes import History

router = APIRouter(prefix="/tenants/{tenant}/integrations/{name}", tags=["integrations"])

One = Annotated[OneRecordRequest, Body(openapi_examples=ONE_RECORD)]


@router.post(
    "/run/preview",
    status_code=202,
    summary="See what a run would do",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.RUNS_PREVIEW)],
)
async def preview(controller: Wired, caller: Caller, tenant: str, name: str) -> Run:
    """Opens a run that stops before its first write; what it would do is at `GET /runs/{run}/records`."""
    ref, now = IntegrationRef(tenant, name), controller.clock.now()
    async with controller.changing(Noun.RUN) as change:
        await _tells_of_records(change.db, ref)
        reason = f"{caller} wants to see what a run would do"
        asked = Explaining(preview=True)
        opened = await open_run(change.db, ref, Trigger.PERSON, reason, now, explaining=asked)
        change.name = opened.id
    controller.publisher.wake()
    return opened


@router.post(
    "/run/one",
    status_code=202,
    summary="Sync one record now",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.RUNS_START)],
)
async def sync_one(controller: Wired, caller: Caller, tenant: str, name: str, body: One) -> Run:
    """Opens a run about this record only, which tells each step: `GET /runs/{run}/events`."""
    ref, now = IntegrationRef(tenant, name), controller.clock.now()
    async with controller.changing(Noun.RUN) as change:
        await _tells_of_records(change.db, ref)
        reason = f"{caller} asked for {body.key} only"
        asked = Explaining(only=body.key.strip())
        opened = await open_run(change.db, ref, Trigger.PERSON, reason, now, explaining=asked)
        change.name = opened.id
    controller.publisher.wake()
    return opened


async def _tells_of_records(db: AsyncConnection, ref: IntegrationRef) -> None:
    """Raise when nothing of the tenant's single records may come here, as it would to show them."""
    spec = (await tenants.get(db, ref.tenant)).spec
    if spec.record_history is History.OFF:
        raise Conflict(
            f"Tenant '{spec.name}' keeps nothing of single records at the centre (record_history: off), and this "
            "would show them. Set record_history to failures or all, or do it on the agent's own machine: "
            "halo-agent preview, halo-agent sync-one."
        )
