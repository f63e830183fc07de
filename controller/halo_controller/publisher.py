"""From the outbox to the broker: nothing leaves the outbox before the broker has confirmed it."""

import asyncio
from collections.abc import Sequence
from typing import Final

from halo_controller.lifecycle import Happening, follows
from halo_controller.store import outbox, runs
from halo_controller.store.database import Database
from halo_controller.store.outbox import Outgoing
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.errors import BrokerUnavailable, Unroutable
from halo_shared.transport import Transport

log = logs.get(__name__)

BATCH: Final = 200
IDLE: Final = 1.0
"""Seconds between looks into the outbox when nobody says that there is news."""


class Publisher:
    """Publishes the outbox, at once when told of news and every second anyway."""

    def __init__(self, database: Database, transport: Transport, clock: Clock) -> None:
        self._database = database
        self._transport = transport
        self._clock = clock
        self._news = asyncio.Event()

    def wake(self) -> None:
        """There is news in the outbox."""
        self._news.set()

    async def run(self) -> None:
        """Publish for ever."""
        while True:
            self._news.clear()
            if not await self.publish_some():
                await self._until_news()

    async def publish_some(self) -> bool:
        """Publish what has waited longest; False when there was nothing, or nothing that could be sent."""
        async with self._database.read() as db:
            waiting = await outbox.oldest(db, BATCH)
        results = await asyncio.gather(*(self._publish(one) for one in waiting))
        sent = [one for one, ok in zip(waiting, results, strict=True) if ok]
        if sent:
            await self._confirm(sent)
        return bool(sent)

    async def _publish(self, outgoing: Outgoing) -> bool:
        try:
            await self._transport.publish(outgoing.envelope, outgoing.to)
        except BrokerUnavailable as error:
            log.warning("publish_waits", kind=outgoing.envelope.kind, run=outgoing.run, why=error.message)
            return False
        except Unroutable as error:
            # A job is kept until its group's queue is there; an answer nobody can hear is worth nothing later.
            log.error("publish_unroutable", kind=outgoing.envelope.kind, run=outgoing.run, why=error.message)
            return outgoing.run is None
        return True

    async def _confirm(self, sent: Sequence[Outgoing]) -> None:
        now = self._clock.now()
        async with self._database.write() as db:
            await outbox.drop(db, [one.id for one in sent])
            for one in sent:
                run = await runs.find(db, one.run) if one.run else None
                status = follows(run.status, Happening.PUBLISHED) if run else None
                if run and status:
                    await runs.save(db, run.model_copy(update={"status": status, "dispatched_at": now}))

    async def _until_news(self) -> None:
        try:
            async with asyncio.timeout(IDLE):
                await self._news.wait()
        except TimeoutError:
            return
