"""Incidents: what is wrong, once per cause, and who hears of it."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.access.roles import Action
from halo_controller.api.context import Caller, Wired, needs
from halo_controller.api.errors import CONFLICT, NOT_FOUND
from halo_controller.api.notices import Hearing, IncidentDetail, IncidentView
from halo_controller.audit.nouns import Noun
from halo_controller.errors import Conflict
from halo_controller.incidents.nouns import Incident
from halo_controller.notifications.decision import RATE, Memory, decide
from halo_controller.store import incidents, notifications, people
from halo_controller.wiring import Controller

router = APIRouter(prefix="/incidents", tags=["incidents"])

Limit = Annotated[int, Query(ge=1, le=10_000)]


@router.get("", summary="List incidents", dependencies=[needs(Action.INCIDENTS_READ)])
async def every(
    controller: Wired,
    tenant: str | None = None,
    integration: str | None = None,
    recovered: bool = False,
    limit: Limit = 100,
) -> Sequence[IncidentView]:
    """Those that are open, the latest first; with `recovered` also those that are over."""
    async with controller.database.read() as db:
        found = await incidents.every(
            db, tenant=tenant, integration=integration, only_open=not recovered, limit=limit
        )
    return [IncidentView.of(one) for one in found]


@router.get(
    "/{incident}",
    summary="Show an incident",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.INCIDENTS_READ)],
)
async def show(controller: Wired, incident: str) -> IncidentDetail:
    """With the decision for each person: whether they hear of it, why or why not."""
    async with controller.database.read() as db:
        known = await incidents.get(db, incident)
        heard_by = await _hearings(db, controller, known)
    return IncidentDetail.of(known, heard_by=heard_by)


@router.post(
    "/{incident}/acknowledge",
    summary="Acknowledge an incident",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.INCIDENTS_ACKNOWLEDGE)],
)
async def acknowledge(controller: Wired, caller: Caller, incident: str) -> IncidentView:
    """Somebody takes care of it: nobody is reminded of it any more, and its recovery is still told."""
    async with controller.changing(Noun.INCIDENT, incident) as change:
        known = await incidents.get(change.db, incident)
        change.name = known.id
        if known.recovered_at:
            raise Conflict(f"Incident {known.id} is over; there is nothing to acknowledge.")
        known = known.model_copy(
            update={"acknowledged_at": controller.clock.now(), "acknowledged_by": caller}
        )
        await incidents.save(change.db, known)
    return IncidentView.of(known)


async def _hearings(db: AsyncConnection, controller: Controller, incident: Incident) -> list[Hearing]:
    now = controller.clock.now()
    silences = await people.silences_after(db, now)
    told = await notifications.told_of(db, [incident.id])
    lately = await notifications.moments(db, now - RATE, now)
    return [
        Hearing.of(
            person.name,
            decide(
                person,
                incident,
                Memory(told.get((person.name, incident.id), ()), lately.get(person.name, ())),
                silences,
                now,
            ),
        )
        for person in await people.every(db)
    ]
