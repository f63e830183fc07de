"""The catalogue: which tools can be integrated, as what, and what has to be set up for each."""

from collections.abc import Sequence

from fastapi import APIRouter

from halo_controller.access.roles import Action
from halo_controller.api.context import Wired, needs
from halo_controller.api.errors import NOT_FOUND
from halo_controller.catalogue import Entry, catalogue
from halo_controller.errors import NotFound
from halo_controller.store import announcements, tenants

router = APIRouter(prefix="/catalogue", tags=["catalogue"])


@router.get("", summary="List the connectors there are", dependencies=[needs(Action.CATALOGUE_READ)])
async def every(controller: Wired) -> Sequence[Entry]:
    """As the agents announce them: a connector is there once an agent that has it was started."""
    async with controller.database.read() as db:
        return catalogue(await announcements.every(db), await tenants.every_group(db))


@router.get(
    "/{connector}",
    summary="Show a connector",
    responses=NOT_FOUND,
    dependencies=[needs(Action.CATALOGUE_READ)],
)
async def show(controller: Wired, connector: str) -> Entry:
    """What it imports, what it may run as, its settings, and what an administrator sets up in the tool."""
    entries = await every(controller)
    found = next((entry for entry in entries if entry.name == connector), None)
    if found is None:
        names = ", ".join(entry.name for entry in entries)
        there_are = f"There are: {names}." if names else "No agent has announced one yet."
        raise NotFound(f"There is no connector '{connector}'. {there_are}")
    return found
