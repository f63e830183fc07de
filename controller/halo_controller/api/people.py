"""People: who is told of incidents, and how each wants to be told."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body

from halo_controller.access.roles import Action
from halo_controller.access.secrets import may_name, named_in
from halo_controller.api.context import Caller, Wired, insist, needs
from halo_controller.api.errors import CONFLICT, NOT_FOUND
from halo_controller.api.examples import PERSON
from halo_controller.audit.nouns import Noun
from halo_controller.errors import Invalid
from halo_controller.notifications.fates import lately
from halo_controller.notifications.notifier import trial
from halo_controller.notifications.nouns import Notification, NotificationState
from halo_controller.notifications.people import Person
from halo_controller.store import notifications, people

router = APIRouter(prefix="/people", tags=["notifications"])

Spec = Annotated[Person, Body(openapi_examples=PERSON)]


@router.post(
    "",
    status_code=201,
    summary="Add a person",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.PEOPLE_ADD)],
)
async def add(controller: Wired, spec: Spec) -> Person:
    """Secrets of their channels are named (`secret://name`); the values lie on the controller.

    An administrator names those that stand under its tenant's name, as in `secret://acme.slack`.
    """
    async with controller.changing(Noun.PERSON, spec.name) as change:
        added = await people.add(change.db, spec)
        insist(may_name(controller.bearer, spec.tenant, named_in(spec)))
        return added


@router.get("", summary="List people", dependencies=[needs(Action.PEOPLE_READ)])
async def every(controller: Wired, tenant: str | None = None) -> Sequence[Person]:
    async with controller.database.read() as db:
        return await people.every(db, tenant)


@router.get(
    "/{person}", summary="Show a person", responses=NOT_FOUND, dependencies=[needs(Action.PEOPLE_READ)]
)
async def show(controller: Wired, person: str) -> Person:
    async with controller.database.read() as db:
        return await people.get(db, person)


@router.get(
    "/{person}/bounces",
    summary="Show what came back from a person",
    responses=NOT_FOUND,
    dependencies=[needs(Action.NOTIFICATIONS_READ)],
)
async def bounces(controller: Wired, person: str) -> Sequence[Notification]:
    """Of each of their present addresses the last message that came back within two weeks; none where all is well."""
    async with controller.database.read() as db:
        known = await people.get(db, person)
        found = await notifications.every(db, person=person, state=NotificationState.BOUNCED, limit=None)
        return lately(known, found, controller.clock.now())


@router.put(
    "/{person}",
    summary="Replace a person's wishes",
    responses=NOT_FOUND,
    dependencies=[needs(Action.PEOPLE_CHANGE)],
)
async def change(controller: Wired, person: str, spec: Spec) -> Person:
    if spec.name != person:
        raise Invalid(
            f"name: is '{spec.name}' in the body and '{person}' in the path; a person keeps their name."
        )
    async with controller.changing(Noun.PERSON, person) as change:
        before = await people.get(change.db, person)
        after = await people.change(change.db, spec)
        insist(may_name(controller.bearer, spec.tenant, named_in(after) - named_in(before)))
        return after


@router.delete(
    "/{person}",
    status_code=204,
    summary="Remove a person",
    responses=NOT_FOUND,
    dependencies=[needs(Action.PEOPLE_REMOVE)],
)
async def remove(controller: Wired, person: str) -> None:
    """They are told nothing more; what waits for them is still sent."""
    async with controller.changing(Noun.PERSON, person) as change:
        await people.remove(change.db, person)


@router.post(
    "/{person}/trial",
    status_code=202,
    summary="Send a trial message",
    responses=NOT_FOUND,
    dependencies=[needs(Action.NOTIFICATIONS_SEND)],
)
async def try_out(controller: Wired, caller: Caller, person: str) -> Sequence[Notification]:
    """A real message through each of the person's channels, to see whether messages arrive."""
    now = controller.clock.now()
    async with controller.changing(Noun.PERSON, person) as change:
        known = await people.get(change.db, person)
        written = [
            trial(known, channel, f"{caller} wanted to see whether messages arrive", now)
            for channel in known.channels
        ]
        for message in written:
            await notifications.add(change.db, message)
    return written
