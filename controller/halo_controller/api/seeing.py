"""Integrations as people see them: each with when it runs next and why, and with how it ran last."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.api.models import IntegrationView
from halo_controller.hosting.reading import every_times, times_of
from halo_controller.nouns import Run
from halo_controller.scheduling.nouns import STEADY, Planned
from halo_controller.scheduling.outlook import next_start
from halo_controller.scheduling.situation import Situation
from halo_controller.store import integrations, runs, schedules, standings, tenants
from halo_shared.identifiers import IntegrationRef


async def one_view(
    db: AsyncConnection, ref: IntegrationRef, now: datetime, *, note: str = ""
) -> IntegrationView:
    """One integration, with what is to be noted of it; raises NotFound."""
    integration = await integrations.get(db, ref)
    last_run = next(iter(await runs.every(db, tenant=ref.tenant, integration=ref.name, limit=1)), None)
    owners = {tenant.spec.name: tenant for tenant in [await tenants.get(db, ref.tenant)]}
    hosted = await times_of(db, [integration], owners)
    situation = Situation(
        integration,
        owners[ref.tenant],
        now,
        _still_open(last_run),
        await standings.of(db, ref),
        hosted.get(ref),
    )
    return _view(situation, await schedules.of(db, ref), last_run).model_copy(update={"note": note})


async def every_view(db: AsyncConnection, tenant: str | None, now: datetime) -> Sequence[IntegrationView]:
    """All of them, or those of one tenant."""
    known = await integrations.every(db, tenant)
    latest = await runs.latest(db, tenant)
    owners = {one.spec.name: one for one in await tenants.every(db)}
    planned, standing = await schedules.every(db), await standings.every(db)
    hosted = await every_times(db, known)
    return [
        _view(
            Situation(
                one,
                owners[one.tenant],
                now,
                _still_open(latest.get(one.ref)),
                standing.get(one.ref, STEADY),
                hosted.get(one.ref),
            ),
            planned.get(one.ref, ()),
            latest.get(one.ref),
        )
        for one in known
    ]


def _still_open(run: Run | None) -> Run | None:
    # One run is open at the most, and it is the latest.
    return run if run and not run.status.ended else None


def _view(situation: Situation, planned: Sequence[Planned], last_run: Run | None) -> IntegrationView:
    integration = situation.integration
    return IntegrationView(
        **integration.model_dump(exclude={"fence", "last_opened_at", "planned", "spec"}),
        spec=integration.spec,
        next=next_start(situation, planned),
        last_run=last_run,
        paused=situation.standing.pause is not None,
    )
