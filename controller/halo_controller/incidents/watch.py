"""The loop that looks at how things stand: conditions become incidents, and end when they are no longer seen."""

import asyncio
from collections.abc import Mapping
from typing import Final

from halo_controller.hosting.reading import every_times
from halo_controller.incidents.conditions import Situation, seen
from halo_controller.incidents.nouns import CONDITIONS, Incident, Sighting
from halo_controller.incidents.recorder import end, see
from halo_controller.store import (
    agents,
    incidents,
    integrations,
    runs,
    standings,
    tenants,
)
from halo_controller.store.database import Database
from halo_controller.ticking import tick_for_ever
from halo_shared.certificates import SEEN
from halo_shared.clock import Clock
from halo_shared.errors import HaloIntegratorError
from halo_shared.topology import BURIED_QUEUE
from halo_shared.transport import Transport

TICK: Final = 10.0
PATIENCE: Final = 3.0
"""Seconds to wait for the broker; it may be away, and there is more to look at."""
OVER: Final = "It is no longer so."


class Watch:
    """Looks every few seconds; the incident of a condition is opened once, however long it lasts."""

    def __init__(self, database: Database, transport: Transport, clock: Clock) -> None:
        self._database = database
        self._transport = transport
        self._clock = clock

    async def run(self) -> None:
        """Watch for ever."""
        await tick_for_ever("watch", self.tick, TICK, self._clock)

    async def tick(self) -> None:
        """Open what is new, and end what is over."""
        situation = await self._situation()
        found = {one.cause.key: one for one in seen(situation)}
        async with self._database.write() as db:
            known = {one.cause.key: one for one in await incidents.open_with(db, CONDITIONS)}
            await see(db, _news(found, known))
            for key, incident in known.items():
                if key not in found and incident.cause.code not in situation.unknown:
                    await end(db, incident, OVER, situation.now)

    async def _situation(self) -> Situation:
        buried = await self._buried()
        async with self._database.read() as db:
            known = await integrations.every(db)
            return Situation(
                now=self._clock.now(),
                tenants=await tenants.every(db),
                integrations=known,
                agents=await agents.every(db),
                groups=await tenants.every_group(db),
                hosted=await every_times(db, known),
                open_runs=await runs.still_open(db),
                standings=await standings.every(db),
                certificates=SEEN.nearest(),
                buried=buried,
            )

    async def _buried(self) -> int | None:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._transport.depth(BURIED_QUEUE)
        except (HaloIntegratorError, TimeoutError):
            return None


def _news(found: Mapping[str, Sighting], known: Mapping[str, Incident]) -> list[Sighting]:
    """What is not known yet, and what has become worse or better; what just lasts is nothing new."""
    return [one for key, one in found.items() if key not in known or known[key].level is not one.level]
