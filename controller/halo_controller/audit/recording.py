"""Writing down a change, in the transaction that makes it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.access.roles import Action
from halo_controller.access.tokens import Bearer
from halo_controller.audit.nouns import Entry, Noun, Snapshot
from halo_controller.audit.scrubbing import scrubbed
from halo_controller.store import audit
from halo_shared import logs

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Occasion:
    """By whom, when and by which request something is changed."""

    bearer: Bearer
    action: Action
    request: str
    at: datetime


@dataclass(slots=True)
class Change:
    """A change under way: the connection to make it over, and what it is about."""

    db: AsyncConnection
    noun: Noun
    name: str
    """Empty until it is known, for what gets its id while it is made."""
    before: Snapshot | None
    after: Snapshot | None = None


async def record(change: Change, occasion: Occasion) -> None:
    """Leave one entry about a change that was made."""
    before, after = change.before, change.after
    entry = Entry(
        id=0,
        at=occasion.at,
        who=occasion.bearer.name,
        role=occasion.bearer.role,
        action=occasion.action,
        noun=change.noun,
        name=change.name,
        tenant=(before and before.tenant) or (after and after.tenant) or None,
        before=scrubbed(before.fields) if before else None,
        after=scrubbed(after.fields) if after else None,
        request=occasion.request,
    )
    kept = await audit.add(change.db, entry)
    log.info(
        "changed",
        entry=kept.id,
        who=entry.who,
        action=entry.action,
        name=entry.name,
        tenant=entry.tenant,
        request=entry.request,
    )
