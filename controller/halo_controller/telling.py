"""What the centre itself says of a run: an event like an agent's, written with the change that it tells of."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.incidents import recorder
from halo_controller.nouns import Run
from halo_controller.store import events, outbox
from halo_shared.messages.base import Failure
from halo_shared.messages.codec import seal
from halo_shared.messages.events import Level, Origin, StatusChanged
from halo_shared.runs import RunStatus
from halo_shared.topology import to_monitors

_LEVELS = {RunStatus.LOST: Level.ERROR, RunStatus.FAILED: Level.ERROR, RunStatus.CANCELLED: Level.WARNING}


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
    event = StatusChanged(
        id=uuid4(),
        at=now,
        origin=Origin(tenant=run.tenant, integration=run.integration, run=run.id, agent=run.agent),
        seq=0,
        level=level or _LEVELS.get(run.status, Level.INFO),
        text=text,
        status=run.status,
        failure=failure,
    )
    await events.add(db, [event], superseded=False)
    await recorder.record(db, [event], now)
    await outbox.put(db, seal(event, message_id=str(event.id)), to_monitors(event))
