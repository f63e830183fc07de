"""From stored events to incidents, in the transaction that stores the events."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.incidents.causes import recovery_by, seen_in
from halo_controller.incidents.folding import opened_by, together, updated_by
from halo_controller.incidents.headlines import title
from halo_controller.incidents.nouns import Incident, Sighting
from halo_controller.store import incidents, runs, tenants
from halo_shared import logs
from halo_shared.integrators import Integrator
from halo_shared.messages.events import Event, Finished

log = logs.get(__name__)


async def record(db: AsyncConnection, said: Sequence[Event], now: datetime) -> None:
    """Let what was said open, update and end incidents; superseded events must be left out."""
    kinds = await _integrators(db, said)
    seen: list[Sighting] = []
    still_open: Sequence[Incident] | None = None
    for event in said:
        if sighting := seen_in(event, kinds.get(event.origin.run, Integrator.LOCAL)):
            # An agent's clock may be ahead of ours; nobody waits for what it says to come true.
            seen.append(sighting if sighting.at <= now else sighting.model_copy(update={"at": now}))
        if isinstance(event, Finished):
            if seen or still_open is None:
                await see(db, seen)
                seen = []
                still_open = await incidents.open_of(db, {one.origin.tenant for one in said})
            still_open = await _recover(db, event, still_open, now)
    await see(db, seen)


async def see(db: AsyncConnection, sightings: Iterable[Sighting]) -> None:
    """Open an incident for each cause that has none open, and update the others."""
    for sighting in together(sightings):
        known = await incidents.open_by_key(db, [sighting.cause.key])
        if not known:
            fresh = opened_by(sighting)
            if await incidents.add(db, fresh):
                log.warning("incident_opened", incident=fresh.id, title=title(fresh), run=fresh.run)
                continue
            known = await incidents.open_by_key(db, [sighting.cause.key])  # another was quicker
        for incident in known.values():
            await incidents.save(db, updated_by(incident, sighting))


async def end(db: AsyncConnection, incident: Incident, why: str, now: datetime) -> None:
    """It is over."""
    await incidents.save(db, incident.model_copy(update={"recovered_at": now, "recovery": why}))
    log.info("incident_recovered", incident=incident.id, title=title(incident), why=why)


async def _recover(
    db: AsyncConnection, event: Finished, still_open: Sequence[Incident], now: datetime
) -> Sequence[Incident]:
    """End those that this ends; the others."""
    others: list[Incident] = []
    for incident in still_open:
        if why := recovery_by(event, incident):
            await end(db, incident, why, now)
        else:
            others.append(incident)
    return others


async def _integrators(db: AsyncConnection, said: Sequence[Event]) -> dict[str, Integrator]:
    """The kind of integrator of each run that an error is told of."""
    with_errors = {event.origin.run for event in said if getattr(event, "failure", None)}
    if not with_errors:
        return {}
    kinds = {group.name: group.kind for group in await tenants.every_group(db)}
    found = [await runs.find(db, run_id) for run_id in sorted(with_errors)]
    return {run.id: kinds[run.group] for run in found if run}
