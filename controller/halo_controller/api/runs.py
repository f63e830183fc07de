"""Runs: what happened, what happens, and a person's say in it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller import steering
from halo_controller.access.roles import Action
from halo_controller.api.context import Asked, Caller, Wired, needs
from halo_controller.api.errors import CONFLICT, NOT_FOUND
from halo_controller.api.models import ApproveRequest, CancelRequest, RunView
from halo_controller.audit.nouns import Noun
from halo_controller.nouns import Record, Run
from halo_controller.store import events, records, runs
from halo_shared.entities import EntityKind
from halo_shared.messages.events import Event, Level
from halo_shared.outcomes import Result
from halo_shared.runs import RunStatus

router = APIRouter(prefix="/runs", tags=["runs"])

Limit = Annotated[int, Query(ge=1, le=10_000)]
Steer = Callable[[AsyncConnection, Run], Awaitable[Run]]


@router.get("", summary="List runs", dependencies=[needs(Action.RUNS_READ)])
async def every(
    controller: Wired,
    tenant: str | None = None,
    integration: str | None = None,
    status: RunStatus | None = None,
    limit: Limit = 50,
) -> Sequence[Run]:
    """The latest runs, newest first."""
    async with controller.database.read() as db:
        return await runs.every(db, tenant=tenant, integration=integration, status=status, limit=limit)


@router.get(
    "/{run}", summary="Show a run", responses=NOT_FOUND | CONFLICT, dependencies=[needs(Action.RUNS_READ)]
)
async def show(controller: Wired, run: str) -> RunView:
    """By its id, or by as many of its first digits as no other run has."""
    async with controller.database.read() as db:
        return await _view(db, await runs.get(db, run))


@router.get(
    "/{run}/events",
    summary="What was said of a run",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.RUNS_READ)],
)
async def said(
    controller: Wired, run: str, level: Level = Level.DEBUG, limit: Limit = 1_000
) -> Sequence[Event]:
    """Events of this level and louder, in order; `warning` shows all that went wrong."""
    async with controller.database.read() as db:
        return await events.of_run(db, (await runs.get(db, run)).id, level, limit)


@router.get(
    "/{run}/records",
    summary="What became of single records",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.RECORDS_READ)],
)
async def of_records(
    controller: Wired,
    run: str,
    result: Result | None = None,
    entity: EntityKind | None = None,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Limit = 1_000,
) -> Sequence[Record]:
    """As far as its tenant keeps them; ask again from behind the last one on, until none are left."""
    async with controller.database.read() as db:
        known = await runs.get(db, run)
        return await records.of_run(db, known.id, result=result, entity=entity, after=after, limit=limit)


@router.post(
    "/{run}/cancel",
    summary="Cancel a run",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.RUNS_CANCEL)],
)
async def cancel(controller: Wired, caller: Caller, run: str, body: CancelRequest | None = None) -> RunView:
    """A run that waits ends at once; an agent that works on one is asked to stop, and writes nothing more."""
    reason = (body.reason if body else "") or f"{caller} asked for it"
    return await _steer(
        controller, run, lambda db, known: steering.cancel(db, known, reason, controller.clock.now())
    )


@router.post(
    "/{run}/approve",
    summary="Approve a held run",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.RUNS_APPROVE)],
)
async def approve(controller: Wired, caller: Caller, run: str, body: ApproveRequest | None = None) -> RunView:
    """The run reads and plans anew, and may do no more than this, once."""
    up_to = body.up_to if body else None
    return await _steer(
        controller, run, lambda db, known: steering.approve(db, known, up_to, caller, controller.clock.now())
    )


@router.post(
    "/{run}/reject",
    summary="Reject a held run",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.RUNS_REJECT)],
)
async def reject(controller: Wired, caller: Caller, run: str) -> RunView:
    """The run ends; nothing was written."""
    return await _steer(
        controller, run, lambda db, known: steering.reject(db, known, caller, controller.clock.now())
    )


async def _steer(controller: Asked, prefix: str, steer: Steer) -> RunView:
    async with controller.changing(Noun.RUN, prefix) as change:
        known = await runs.get(change.db, prefix)
        change.name = known.id
        view = await _view(change.db, await steer(change.db, known))
    controller.publisher.wake()
    return view


async def _view(db: AsyncConnection, run: Run) -> RunView:
    return RunView(**run.model_dump(), attempts=tuple(await runs.attempts_of(db, run.id)))
