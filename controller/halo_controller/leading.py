"""One of several controllers leads and works; the others wait until it is gone. A single one always leads."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID, uuid4

from halo_controller.store import leadership
from halo_controller.store.database import Database
from halo_controller.store.leadership import Leader
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.errors import StoreBusy

log = logs.get(__name__)

TERM: Final = timedelta(seconds=6)
"""How long a controller leads without saying that it goes on."""
EVERY: Final = 1.5
"""Seconds between two words of the leader's, and between two looks of the others."""

Work = Callable[[Database, int], Awaitable[None]]
"""All that only the leader does over this database in this epoch, until it is cancelled."""


class Leading:
    """This controller's part in who leads."""

    def __init__(self, database: Database, name: str, clock: Clock) -> None:
        self._database = database
        self._name = name
        self._clock = clock
        self._holder: UUID = uuid4()

    async def run(self, work: Work) -> None:
        """Work whenever this controller leads, for ever; raises what the work raises."""
        if not self._database.shared:
            return await work(self._database, 0)
        while True:
            leader = await self._claim()
            if leader and leader.holder == self._holder:
                log.info("leadership_begun", epoch=leader.epoch, name=self._name)
                await self._lead(work, leader)
                log.warning("leadership_ended", epoch=leader.epoch, name=self._name)
            await self._clock.sleep(EVERY)

    async def _lead(self, work: Work, leader: Leader) -> None:
        led = self._database.guarded(partial(leadership.check, epoch=leader.epoch))
        working = asyncio.ensure_future(work(led, leader.epoch))
        renewing = asyncio.create_task(self._renew(leader), name="leadership")
        try:
            await asyncio.wait({working, renewing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            working.cancel()
            renewing.cancel()
            await asyncio.wait({working, renewing})
            with suppress(StoreBusy):
                async with self._database.write() as db:
                    await leadership.resign(db, self._holder)
        if not working.cancelled():
            working.result()  # the work never ends by itself: this raises why it did

    async def _renew(self, leader: Leader) -> None:
        """Return as soon as this controller can no longer know that it leads."""
        good_until = self._clock.monotonic() + TERM.total_seconds()
        while self._clock.monotonic() < good_until:
            await self._clock.sleep(EVERY)
            asked_at = self._clock.monotonic()
            now = await self._claim()
            if now and now.epoch != leader.epoch:
                return
            if now:
                good_until = asked_at + TERM.total_seconds()

    async def _claim(self) -> Leader | None:
        """Who leads; None when the database does not say."""
        try:
            async with asyncio.timeout(TERM.total_seconds() / 2), self._database.write() as db:
                return await leadership.claim(db, self._holder, self._name, TERM)
        except (StoreBusy, TimeoutError) as error:
            log.warning("leadership_unknown", why=str(error) or "the database gave no answer in time")
            return None
