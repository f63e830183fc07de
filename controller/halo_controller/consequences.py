"""What the end of a run means for the next ones, written down with that end."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.hosting.times import measured
from halo_controller.nouns import Run
from halo_controller.scheduling.standing import after
from halo_controller.store import hostings, integrations, standings
from halo_controller.telling import tell
from halo_shared import logs
from halo_shared.integrators import HOSTED_GROUP
from halo_shared.messages.events import Level

log = logs.get(__name__)


async def follow(db: AsyncConnection, ended: Iterable[Run], now: datetime) -> None:
    """Let the end of each of these have its consequences, and tell people of what is new.

    One that explains has none.
    """
    whole = [run for run in ended if run.whole]
    if not whole:
        return
    before = await standings.these(db, {run.ref for run in whole})
    standing = dict(before)
    for run in whole:
        consequence = after(standing[run.ref], run, now)
        standing[run.ref] = consequence.standing
        if run.group == HOSTED_GROUP:
            await _measure(db, run, now)
        if consequence.told:
            log.warning("standing_changed", ref=str(run.ref), run=run.id, why=consequence.told)
            await tell(db, run, consequence.told, now, level=Level.WARNING)
    await standings.save_all(db, {ref: one for ref, one in standing.items() if one != before[ref]})


async def _measure(db: AsyncConnection, run: Run, now: datetime) -> None:
    """Let a hosted integration run at the times of its size, which this run may have changed."""
    before = await hostings.of(db, run.ref)
    after_it = measured(before, run, await hostings.classes(db))
    if after_it == before:
        return
    await hostings.save(db, run.ref, after_it)
    if after_it.size is not before.size:
        await integrations.replan(db, run.ref)
        await tell(db, run, f"It counts as {after_it.size} from now on: {after_it.reason}.", now)
