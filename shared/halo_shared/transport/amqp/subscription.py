"""Consuming a queue across reconnections, and settling what it hands out."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from aio_pika import exceptions as amqp
from aio_pika.abc import AbstractChannel
from aiormq.abc import ConsumerCallback, DeliveredMessage

from halo_shared import logs
from halo_shared.errors import BrokerUnavailable, DeliveryLost, QueueTaken, Unroutable
from halo_shared.topology import Queue, QueueKind
from halo_shared.transport import Delivery, no_such_queue
from halo_shared.transport.amqp.acknowledging import Acknowledgements
from halo_shared.transport.amqp.connection import BrokerConnection, close
from halo_shared.transport.amqp.faults import translated
from halo_shared.transport.amqp.queues import declare_queue

_RESUBSCRIBE_AFTER: Final = 0.5
"""Seconds; a watcher's own queue stays locked until the broker notices that its old connection is gone."""

_MISSING_AGAIN_AFTER: Final = 1.0
"""Seconds before the next look for a queue that is not there, then more and more."""
_MISSING_AT_LAST: Final = 10.0
"""Seconds between later looks: thousands may wait while the controller is still declaring."""

_TAKEN_AGAIN_AFTER: Final = 2.0
"""Seconds; the broker frees a queue as soon as it sees the connection of the other consumer end."""

TRACEPARENT: Final = "traceparent"
"""The header of a message that belongs to a trace."""

log = logs.get(__name__)

_Inbox = asyncio.Queue[DeliveredMessage | None]


Bury = Callable[[DeliveredMessage, str, str], Awaitable[None]]
"""Publishes a copy of a message of this queue with this reason."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a queue is consumed."""

    prefetch: int
    alone: bool
    priority: int
    patience: float
    """Seconds for which the queue may be missing."""


class Subscription:
    """One consumer; each loss of its channel is followed by a new one."""

    def __init__(self, connection: BrokerConnection, queue: Queue, terms: Terms, *, bury: Bury) -> None:
        self._connection = connection
        self._queue = queue
        self._terms = terms
        self._bury = bury
        self._channel: AbstractChannel | None = None
        self._acknowledgements: Acknowledgements | None = None
        self._inbox: _Inbox = asyncio.Queue()
        self._later: set[asyncio.Task[None]] = set()
        self._left = False

    async def open(self) -> None:
        """Subscribe; waits for as long as the broker is away, and for the queue as long as the terms say."""
        waited, pause = 0.0, _MISSING_AGAIN_AFTER
        while True:
            await self._connection.up()
            try:
                return await self._subscribe()
            except Unroutable as error:
                if waited >= self._terms.patience:
                    raise
                log.warning("queue_missing", queue=self._queue.name, why=error.message)
                await asyncio.sleep(pause)
                waited, pause = waited + pause, min(pause * 1.5, _MISSING_AT_LAST)
            except BrokerUnavailable:
                await asyncio.sleep(_RESUBSCRIBE_AFTER)
            except QueueTaken as error:
                log.error("queue_taken", queue=self._queue.name, why=error.message)
                await asyncio.sleep(_TAKEN_AGAIN_AFTER)

    async def deliveries(self) -> AsyncIterator[Delivery]:
        """What the broker hands out, until the subscription is closed."""
        while not self._left:
            message = await self._inbox.get()
            if message is None:
                await self._subscribe_again()
            elif self._channel and self._acknowledgements and not self._channel.is_closed:
                yield AmqpDelivery(message, self._queue.name, self, self._acknowledgements)

    async def close(self) -> None:
        """Leave the channel; the broker takes back what was not settled."""
        self._left = True
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)
        if self._acknowledgements:
            await self._acknowledgements.told()
        if self._channel:
            await close(self._channel)

    async def bury(self, message: DeliveredMessage, why: str) -> None:
        """Return when a copy with the reason lies in `buried`."""
        await self._bury(message, self._queue.name, why)

    def later(self, task: "asyncio.Task[None]") -> None:
        """Keep a task alive until it is done or the subscription is closed."""
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _subscribe_again(self) -> None:
        if not self._left:
            if self._channel:
                await close(self._channel)
            await self.open()

    async def _subscribe(self) -> None:
        inbox: _Inbox = asyncio.Queue()
        self._channel = await self._connection.open_channel()
        with translated(f"consuming {self._queue.name}"):
            await self._channel.set_qos(prefetch_count=self._terms.prefetch)
            name = await self._find(self._channel)
            # None ends the deliveries of this channel: it was closed, or its queue was deleted.
            self._channel.close_callbacks.add(lambda *_: inbox.put_nowait(None))
            underlay = await self._channel.get_underlay_channel()
            underlay.on_consumer_cancel_callbacks.add(lambda _: inbox.put_nowait(None))
            try:
                # Not through the library's own queue, whose layers cost more than the rest of the way.
                await underlay.basic_consume(
                    name,
                    _putting_into(inbox),
                    exclusive=self._terms.alone,
                    arguments={"x-priority": self._terms.priority},
                )
            except amqp.ChannelNotFoundEntity as error:
                raise no_such_queue(self._queue) from error
        self._inbox, self._acknowledgements = inbox, Acknowledgements(underlay)

    async def _find(self, channel: AbstractChannel) -> str:
        if self._queue.kind is QueueKind.OWN:
            return (await declare_queue(channel, self._queue)).name
        return self._queue.name


def _putting_into(inbox: _Inbox) -> ConsumerCallback:
    async def arrived(message: DeliveredMessage) -> None:
        inbox.put_nowait(message)

    return arrived


class AmqpDelivery:
    """One message of the broker."""

    def __init__(
        self,
        message: DeliveredMessage,
        queue: str,
        subscription: Subscription,
        acknowledgements: Acknowledgements,
    ) -> None:
        self._message = message
        self._queue = queue
        self._subscription = subscription
        self._acknowledgements = acknowledgements
        self._settled = False

    @property
    def body(self) -> bytes:
        return self._message.body

    @property
    def queue(self) -> str:
        return self._queue

    @property
    def redelivered(self) -> bool:
        return bool(self._message.redelivered)

    @property
    def traceparent(self) -> str | None:
        said = (self._message.header.properties.headers or {}).get(TRACEPARENT)
        return said if isinstance(said, str) else None

    async def done(self) -> None:
        self._settle()
        self._acknowledgements.done(self._tag)

    async def again(self, *, after: float = 0) -> None:
        self._settle()
        if after:
            self._subscription.later(asyncio.create_task(self._give_back_after(after)))
        else:
            await self._acknowledgements.give_back(self._tag)

    async def bury(self, why: str) -> None:
        self._settle()
        try:
            await self._subscription.bury(self._message, why)
        except BrokerUnavailable as error:
            await self._acknowledgements.give_back(self._tag)
            raise DeliveryLost(detail=repr(error)) from error
        self._acknowledgements.done(self._tag)

    @property
    def _tag(self) -> int:
        return self._message.delivery_tag or 0

    async def _give_back_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        with suppress(DeliveryLost):
            await self._acknowledgements.give_back(self._tag)

    def _settle(self) -> None:
        if self._settled:
            raise RuntimeError(f"a delivery of {self._queue} was settled twice")
        self._settled = True
