"""When an integration runs by itself, why it does not, and what became of its earlier moments."""

from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Final

from fastapi import APIRouter, Query

from halo_controller.access.roles import Action
from halo_controller.api.context import Wired, needs
from halo_controller.api.errors import NOT_FOUND
from halo_controller.scheduling.nouns import Answer, Past, Preview
from halo_controller.scheduling.outlook import coming
from halo_controller.scheduling.reading import situation_of
from halo_controller.scheduling.why import why
from halo_controller.store import agents, integrations, schedules
from halo_shared.identifiers import IntegrationRef

router = APIRouter(tags=["schedules"])

ONE: Final = "/tenants/{tenant}/integrations/{name}"
Count = Annotated[int, Query(ge=1, le=200)]


@router.get(
    ONE + "/why",
    summary="Why does it not run?",
    responses=NOT_FOUND,
    dependencies=[needs(Action.INTEGRATIONS_READ)],
)
async def reason(controller: Wired, tenant: str, name: str) -> Answer:
    """One sentence: the first thing that stands in the way of a run at this moment, and what changes it."""
    ref = IntegrationRef(tenant, name)
    async with controller.database.read() as db:
        situation = await situation_of(db, ref, controller.clock.now())
        # The agents that could take a run: of one that is open, those of the group that it was sent to.
        run = situation.open_run
        group = run.group if run else situation.integration.spec.group
        members = await agents.every(db, group)
        past = await schedules.passed(db, ref, limit=1)
        return why(situation, await schedules.of(db, ref), members, next(iter(past), None))


@router.get(
    ONE + "/starts",
    summary="What became of the moments that have passed",
    responses=NOT_FOUND,
    dependencies=[needs(Action.INTEGRATIONS_READ)],
)
async def passed(controller: Wired, tenant: str, name: str, limit: Count = 50) -> Sequence[Past]:
    """Newest first; several in a row that did not run for the same reason are one."""
    ref = IntegrationRef(tenant, name)
    async with controller.database.read() as db:
        await integrations.get(db, ref)
        return await schedules.passed(db, ref, limit)


@router.get(
    ONE + "/preview",
    summary="The moments to come",
    responses=NOT_FOUND,
    dependencies=[needs(Action.INTEGRATIONS_READ)],
)
async def preview(controller: Wired, tenant: str, name: str, count: Count = 10) -> Sequence[Preview]:
    """As things stand now: whether each will run, and why not."""
    ref = IntegrationRef(tenant, name)
    async with controller.database.read() as db:
        situation = await situation_of(db, ref, controller.clock.now())
        planned = await schedules.of(db, ref)
    return list(islice(coming(situation, planned), count))
