"""Acknowledging what is done in few words: everything up to a message, where nothing before it is open."""

import asyncio
from contextlib import suppress

from aiormq.abc import AbstractChannel

from halo_shared.errors import DeliveryLost
from halo_shared.transport.amqp.faults import lost


class Acknowledgements:
    """Those of one channel with one consumer, whose deliveries are numbered from one on without a gap.

    What is done while the loop turns once is told together: a word for each message costs more than the message.
    """

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self._settled_to = 0
        """Up to here the broker waits for nothing."""
        self._settled: set[int] = set()
        """Beyond that, what the broker waits for no more."""
        self._done: set[int] = set()
        """What it is yet to be told of."""
        self._telling: asyncio.Task[None] | None = None

    def done(self, tag: int) -> None:
        """Let the broker forget this delivery; raises DeliveryLost when it has taken it back already."""
        if self._channel.is_closed:
            raise DeliveryLost
        self._done.add(tag)
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell())

    async def give_back(self, tag: int) -> None:
        """Let the broker hand it out again; raises DeliveryLost when it does so anyway."""
        with lost():
            await self._channel.basic_nack(tag, requeue=True, wait=False)
        self._settled.add(tag)

    async def told(self) -> None:
        """Return when the broker was told of all that is done."""
        while self._telling:
            await self._telling

    async def _tell(self) -> None:
        together = self._advance()
        one_by_one = sorted(self._done)
        self._settled.update(one_by_one)
        self._done.clear()
        self._telling = None
        # The connection is gone: all that was not acknowledged is handed out again.
        with suppress(DeliveryLost), lost():
            if together:
                await self._channel.basic_ack(together, multiple=True, wait=False)
            for tag in one_by_one:
                await self._channel.basic_ack(tag, wait=False)

    def _advance(self) -> int:
        """Go on to the first delivery that is open; the last one before it that is to be told of, or zero."""
        last = 0
        while (tag := self._settled_to + 1) in self._done or tag in self._settled:
            self._settled_to = tag
            self._settled.discard(tag)
            if tag in self._done:
                self._done.discard(tag)
                last = tag
        return last
