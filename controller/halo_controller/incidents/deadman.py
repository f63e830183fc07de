"""The dead-man's switch: while all is well an outside watcher is told so; when nothing comes, it raises the alarm."""

from typing import Final

import httpx

from halo_controller.store import tenants
from halo_controller.store.database import Database
from halo_controller.ticking import outlasting_passing_faults
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.errors import HaloIntegratorError
from halo_shared.topology import EVENTS_QUEUE
from halo_shared.transport import Transport

log = logs.get(__name__)

TICK: Final = 60.0
PATIENCE: Final = 10.0


class DeadMansSwitch:
    """Calls the watcher's URL every minute, unless the database or the broker does not answer."""

    def __init__(self, url: str, database: Database, transport: Transport, clock: Clock) -> None:
        self._url = url
        self._database = database
        self._transport = transport
        self._clock = clock

    async def run(self) -> None:
        """Call for ever."""
        async with httpx.AsyncClient() as http:
            while True:
                with outlasting_passing_faults("deadman"):
                    await self.tick(http)
                await self._clock.sleep(TICK)

    async def tick(self, http: httpx.AsyncClient) -> None:
        """Call once, if all is well."""
        if why := await self._unwell():
            log.warning("deadman_not_called", why=why)
            return
        try:
            (await http.get(self._url, timeout=PATIENCE)).raise_for_status()
        except httpx.HTTPError as error:
            # The URL often holds a key, so it is not shown.
            log.warning("deadman_unheard", why=type(error).__name__)

    async def _unwell(self) -> str | None:
        async with self._database.read() as db:
            await tenants.every(db)
        try:
            if await self._transport.depth(EVENTS_QUEUE) is None:
                return "the queue of events is missing"
        except HaloIntegratorError as error:
            return error.message
        return None
