"""What the centre itself says of a run: an event like an agent's, written with the change that it tells of."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.incidents import recorder
from halo_controller.nouns import Run
from halo_controller.store import events, outbox
from halo_controller.store.outbox import Posting
from halo_shared.messages.base import Failure
from halo_shared.messages.codec import seal
from halo_shared.messages.events import Level, Origin, StatusChanged
from halo_shared.runs import RunStatus
from halo_shared.topology import to_monitors

_LEVELS = {RunStatus.LOST: Level.ERROR, RunStatus.FAILED: Level.ERROR, RunStatus.CANCELLED: Level.WARNING}


def word(
    run: Run, text: str, now: datetime, *, failure: Failure | None = None, level: Level | None = None
) -> StatusChanged:
    """Where the run is now, and why."""
    return StatusChanged(
        id=uuid4(),
        at=now,
        origin=Origin(tenant=run.tenant, integration=run.integration, run=run.id, agent=run.agent),
        seq=0,
        level=level or _LEVELS.get(run.status, Level.INFO),
        text=text,
        status=run.status,
        failure=failure,
    )


async def tell(
    db: AsyncConnection,
    run: Run,
    text: str,
    now: datetime,
    *,
    failure: Failure | None = None,
    level: Level | None = None,
) -> None:
    """Say where the run is now, and why: stored here, and published to every monitor."""
    await tell_all(db, [word(run, text, now, failure=failure, level=level)], now)


async def tell_all(db: AsyncConnection, words: Sequence[StatusChanged], now: datetime) -> None:
    """Say each of these, in their order."""
    await events.add(db, words, superseded=False)
    await recorder.record(db, words, now)
    postings = [Posting(seal(said, message_id=str(said.id)), to_monitors(said)) for said in words]
    await outbox.put_all(db, postings)
