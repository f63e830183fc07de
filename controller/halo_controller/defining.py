"""Giving an integration another definition: what is known of it counts on as far as it reads and writes the same."""

from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.scheduling.standing import changed
from halo_controller.store import integrations, standings
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrations import IntegrationSpec

_OF_NO_RECORD: Final = ("title", "schedule", "limits", "deadline", "fresh_within")
"""What a definition may say otherwise without that a record is read or written differently."""


async def redefine(db: AsyncConnection, ref: IntegrationRef, spec: IntegrationSpec, now: datetime) -> None:
    """Let this be its definition; where records are read or written differently, the next run reads everything."""
    before = (await integrations.get(db, ref)).spec
    if _treats_records_alike(before, spec):
        await integrations.adjust(db, ref, spec, now)
        if spec.schedule != before.schedule:  # else a start that waits would be forgotten
            await integrations.replan(db, ref)
        return
    await integrations.change(db, ref, spec, now)
    await standings.save(db, ref, changed(await standings.of(db, ref)))


def _treats_records_alike(before: IntegrationSpec, after: IntegrationSpec) -> bool:
    return after.model_copy(update={name: getattr(before, name) for name in _OF_NO_RECORD}) == before
