"""Metrics for Prometheus, which sends its token like everybody else."""

from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import version
from typing import Final

from fastapi import APIRouter, Response
from prometheus_client.core import CollectorRegistry, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from halo_controller.access.roles import Action
from halo_controller.api import queues
from halo_controller.api.context import Wired, needs
from halo_controller.metrics.families import Situation, families
from halo_controller.store import agents, incidents, integrations, notifications, outbox, runs, tenants
from halo_controller.wiring import Controller
from halo_shared.topology import FIXED_QUEUES, jobs_queue

router = APIRouter(tags=["operation"])

MOST_INCIDENTS: Final = 10_000


# It answers in Prometheus' own form, and not in JSON as the API's page promises of the others.
@router.get("/metrics", include_in_schema=False, dependencies=[needs(Action.OPERATION_READ)])
async def metrics(controller: Wired) -> Response:
    """How things stand now: nothing is kept between scrapes, so a restart loses nothing."""
    situation = await _situation(controller)
    registry = CollectorRegistry()
    registry.register(_Collected(families(situation)))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Collected:
    """What the library calls a collector: it gives what was collected."""

    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = list(found)

    def collect(self) -> Iterable[Metric]:
        return self._found


async def _situation(controller: Controller) -> Situation:
    async with controller.database.read() as db:
        groups = await tenants.every_group(db)
        stored = Situation(
            now=controller.clock.now(),
            version=version("halo-integrator-controller"),
            open_runs=await runs.still_open(db),
            latest_runs=await runs.latest(db),
            integrations=await integrations.every(db),
            agents=await agents.every(db),
            incidents=await incidents.every(db, limit=MOST_INCIDENTS),
            notifications=await notifications.count(db),
            outbox=await outbox.count(db),
        )
    depths = await queues.depths(controller, [*FIXED_QUEUES, *(jobs_queue(group.name) for group in groups)])
    return stored if depths is None else replace(stored, queues=depths, broker=True)
