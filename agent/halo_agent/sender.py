"""From the outbox to the broker."""

import asyncio
from typing import Final

from halo_agent.store.outbox import Outbox, Spooled
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.errors import (
    BrokerUnavailable,
    CredentialRefused,
    HaloIntegratorError,
    PermissionMissing,
    Unroutable,
)
from halo_shared.transport import Transport

log = logs.get(__name__)

BATCH: Final = 500
PAUSE: Final = 2.0
"""Seconds before the next try when the broker did not take what was sent."""
WAITED_OUT: Final = (BrokerUnavailable, Unroutable, CredentialRefused, PermissionMissing)
"""Errors of the broker or of the account, which say nothing against the event itself."""


class Sender:
    """Publishes the outbox; an event leaves it only when the broker has confirmed it and all before it."""

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
        """Publish what has waited longest; False when not all of it was taken.

        What stands behind a failure stays and is sent once more, so that the last word on a run never arrives without what came before it.
        """
        waiting = await self._outbox.oldest(BATCH)
        settled = await asyncio.gather(*(self._publish(one) for one in waiting))
        taken = settled.index(False) if False in settled else len(settled)
        await self._outbox.drop(waiting[:taken])
        return taken == len(waiting)

    async def _publish(self, spooled: Spooled) -> bool:
        """Whether nothing more is to be done for this one."""
        try:
            await self._transport.publish(spooled.envelope, spooled.to)
        except WAITED_OUT as error:
            log.warning("event_waits", event_id=spooled.envelope.id, why=error.message)
            return False
        except HaloIntegratorError as error:
            log.error(
                "event_refused", event_id=spooled.envelope.id, kind=spooled.envelope.kind, why=error.message
            )
            await self._outbox.give_up(spooled)
        return True
