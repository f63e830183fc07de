"""The run log: the story of one run, and the lines of all."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query

from halo_controller.access.roles import Action
from halo_controller.api.context import Wired, needs
from halo_controller.api.errors import CONFLICT, NOT_FOUND
from halo_controller.runlog.story import Story, tell
from halo_controller.store import events, runlog, runs
from halo_controller.store.runlog import Wanted
from halo_shared.messages.events import Event, Level

router = APIRouter(tags=["runs"])

MOST_RECORDS: Final = 100_000


@router.get(
    "/runs/{run}/story",
    summary="The story of a run",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.RUNS_READ)],
)
async def story(controller: Wired, run: str) -> Story:
    """Its stages with their times, its rate, and what failed or was skipped, grouped by reason."""
    async with controller.database.read() as db:
        known = await runs.get(db, run)
        stages = await runlog.stages_of(db, known.id)
        said = await events.of_run(db, known.id, Level.WARNING, MOST_RECORDS)
    return tell(known, stages, said, controller.clock.now())


@router.get("/log", summary="Search the run log", dependencies=[needs(Action.RUNS_READ)])
async def search(controller: Wired, wanted: Annotated[Wanted, Query()]) -> Sequence[Event]:
    """The latest lines of all runs that fit, the oldest first; `text` is looked for in any case of letters."""
    async with controller.database.read() as db:
        return await runlog.search(db, wanted)
