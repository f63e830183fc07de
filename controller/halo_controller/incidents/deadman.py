"""The dead-man's switch: while all is well an outside watcher is told so; when nothing comes, it raises the alarm."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final

import httpx

from halo_controller.store import outbox
from halo_controller.store.database import Database
from halo_controller.store.outbox import Posting
from halo_controller.ticking import tick_for_ever
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.errors import HaloIntegratorError
from halo_shared.messages.codec import Envelope
from halo_shared.topology import EVENTS_QUEUE, Address
from halo_shared.transport import Transport

log = logs.get(__name__)

PATIENCE: Final = 10.0
NOTHING: Final = Posting(Envelope("", "", b""), Address("", ""))


@dataclass(frozen=True, slots=True)
class Watcher:
    """Somebody outside who expects to be called."""

    url: str
    every: float
    """Seconds."""


class DeadMansSwitch:
    """Calls the watcher's URL again and again, unless the database takes nothing or the broker does not answer."""

    def __init__(self, watcher: Watcher, database: Database, transport: Transport, clock: Clock) -> None:
        self._watcher = watcher
        self._database = database
        self._transport = transport
        self._clock = clock

    async def run(self) -> None:
        """Call for ever."""
        async with httpx.AsyncClient() as http:
            await tick_for_ever("deadman", partial(self.tick, http), self._watcher.every, self._clock)

    async def tick(self, http: httpx.AsyncClient) -> None:
        """Call once, if all is well."""
        if why := await self._unwell():
            log.warning("deadman_not_called", why=why)
            return
        try:
            (await http.get(self._watcher.url, timeout=PATIENCE)).raise_for_status()
        except httpx.HTTPError as error:
            # The URL often holds a key, so it is not shown.
            log.warning("deadman_unheard", why=type(error).__name__)

    async def _unwell(self) -> str | None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._write()
        except TimeoutError:
            return "the database takes nothing"
        try:
            if await self._transport.depth(EVENTS_QUEUE) is None:
                return "the queue of events is missing"
        except HaloIntegratorError as error:
            return error.message
        return None

    async def _write(self) -> None:
        """Write something and take it back at once: a full disk and a lock of somebody else's let reading pass."""
        async with self._database.write() as db:
            put = await outbox.put(db, NOTHING)
            await outbox.drop(db, [put])
