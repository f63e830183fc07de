"""From the outbox to the broker."""

import asyncio
from typing import Final

from halo_agent.store.outbox import Outbox, Spooled
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.errors import BrokerUnavailable, Unroutable
from halo_shared.transport import Transport

log = logs.get(__name__)

BATCH: Final = 100
PAUSE: Final = 2.0
"""Seconds before the next try when the broker did not take what was sent."""


class Sender:
    """Publishes the outbox in order; an event leaves it only when the broker has confirmed it."""

    def __init__(self, outbox: Outbox, transport: Transport, clock: Clock) -> None:
        self._outbox = outbox
        self._transport = transport
        self._clock = clock

    async def run(self) -> None:
        """Send for ever."""
        while True:
            await self._outbox.news()
            while self._outbox.waiting:
                if not await self._send_some():
                    await self._clock.sleep(PAUSE)

    async def drain(self, patience: float) -> None:
        """Send what waits, for so many seconds at the most; the rest is sent after the next start."""
        try:
            async with asyncio.timeout(patience):
                while self._outbox.waiting:
                    if not await self._send_some():
                        await self._clock.sleep(PAUSE / 10)
        except TimeoutError:
            log.warning("events_left", waiting=self._outbox.waiting)

    async def _send_some(self) -> bool:
        """Publish what has waited longest; False when not all of it was taken."""
        waiting = await self._outbox.oldest(BATCH)
        results = await asyncio.gather(*(self._publish(one) for one in waiting))
        await self._outbox.drop([one for one, ok in zip(waiting, results, strict=True) if ok])
        return all(results)

    async def _publish(self, spooled: Spooled) -> bool:
        try:
            await self._transport.publish(spooled.envelope, spooled.to)
        except (BrokerUnavailable, Unroutable) as error:
            log.warning("event_waits", event_id=spooled.envelope.id, why=error.message)
            return False
        return True
