"""Notifications: what was sent to whom, with which result; and the silences that hold messages back."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body, Query

from halo_controller.access.roles import Action
from halo_controller.api.context import Caller, Wired, needs
from halo_controller.api.errors import NOT_FOUND
from halo_controller.api.examples import SILENCE
from halo_controller.api.notices import NewSilence
from halo_controller.audit.nouns import Noun
from halo_controller.errors import Invalid
from halo_controller.notifications.nouns import Notification, NotificationState, Silence, new_id
from halo_controller.store import notifications, people, tenants

router = APIRouter(tags=["notifications"])

Limit = Annotated[int, Query(ge=1, le=10_000)]


@router.get("/notifications", summary="List notifications", dependencies=[needs(Action.NOTIFICATIONS_READ)])
async def every(
    controller: Wired, person: str | None = None, state: NotificationState | None = None, limit: Limit = 50
) -> Sequence[Notification]:
    """The latest messages, newest first: to whom, through which channel, why, and what became of each."""
    async with controller.database.read() as db:
        return await notifications.every(db, person=person, state=state, limit=limit)


@router.get(
    "/notifications/{notification}",
    summary="Show a notification",
    responses=NOT_FOUND,
    dependencies=[needs(Action.NOTIFICATIONS_READ)],
)
async def show(controller: Wired, notification: str) -> Notification:
    async with controller.database.read() as db:
        return await notifications.get(db, notification)


@router.post(
    "/silences", status_code=201, summary="Silence incidents", dependencies=[needs(Action.SILENCES_ADD)]
)
async def hush(
    controller: Wired, caller: Caller, body: Annotated[NewSilence, Body(openapi_examples=SILENCE)]
) -> Silence:
    """With a start in the future it is a maintenance window; without an end it holds until it is lifted.

    What is still open when it ends is told then.
    """
    now = controller.clock.now()
    starts_at = body.starts_at or now
    ends_at = starts_at + body.lasts if body.lasts else body.ends_at
    if ends_at is not None and ends_at <= max(starts_at, now):
        raise Invalid("ends_at: must be after its start, and in the future")
    values = body.model_dump(exclude={"starts_at", "ends_at", "lasts"})
    silence = Silence(**values, id=new_id(), starts_at=starts_at, ends_at=ends_at, by=caller)
    async with controller.changing(Noun.SILENCE, silence.id) as change:
        if silence.tenant:
            await tenants.get(change.db, silence.tenant)
        return await people.hush(change.db, silence)


@router.get("/silences", summary="List silences", dependencies=[needs(Action.SILENCES_READ)])
async def silences(controller: Wired) -> Sequence[Silence]:
    """Those that hold, and those to come."""
    async with controller.database.read() as db:
        return await people.every_silence(db, controller.clock.now())


@router.delete(
    "/silences/{silence}",
    status_code=204,
    summary="Lift a silence",
    responses=NOT_FOUND,
    dependencies=[needs(Action.SILENCES_LIFT)],
)
async def lift(controller: Wired, silence: str) -> None:
    async with controller.changing(Noun.SILENCE, silence) as change:
        await people.lift(change.db, silence)
