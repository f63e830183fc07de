"""A Transport over RabbitMQ."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Final, Self

from aio_pika import DeliveryMode
from aio_pika import exceptions as amqp
from aio_pika.abc import AbstractChannel
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic

from halo_shared.errors import BrokerUnavailable, Unroutable
from halo_shared.messages.codec import Envelope
from halo_shared.telemetry.messaging import publishing
from halo_shared.topology import BURIED, Address, Exchange, Queue
from halo_shared.transport import Delivery
from halo_shared.transport.amqp.connection import PATIENCE, BrokerConnection
from halo_shared.transport.amqp.faults import translated
from halo_shared.transport.amqp.queues import declare_queue
from halo_shared.transport.amqp.subscription import TRACEPARENT, Subscription, Terms

# Not the library's own message around them, which takes more than ten times as long to make.
Properties = Basic.Properties
PERSISTENT: Final = DeliveryMode.PERSISTENT.value
_LONGEST_REASON: Final = 2000
"""Characters; headers share one frame, which the broker limits."""


class AmqpTransport:
    """Enter it to connect; it reconnects by itself until it is left."""

    def __init__(self, url: str, *, name: str) -> None:
        self._connection = BrokerConnection(url, name=name)
        self._publisher: AbstractChannel | None = None
        self._publisher_lock = asyncio.Lock()

    @property
    def address(self) -> str:
        """The broker's URL without its password."""
        return self._connection.address

    async def __aenter__(self) -> Self:
        await self._connection.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._connection.__aexit__(kind, error, trace)

    async def ready(self, patience: float = PATIENCE) -> None:
        """Return when connected; raises what stands in the way after so many seconds."""
        await self._connection.connected(patience)

    async def declare(self, *parts: Exchange | Queue) -> None:
        async with self._connection.channel("declaring") as channel:
            for part in parts:
                if isinstance(part, Exchange):
                    await channel.declare_exchange(part.name, part.kind.value, durable=True)
                else:
                    await declare_queue(channel, part)

    async def publish(self, envelope: Envelope, to: Address) -> None:
        with publishing(envelope, to) as traceparent:
            properties = Properties(
                headers={TRACEPARENT: traceparent} if traceparent else None,
                content_type="application/json",
                delivery_mode=PERSISTENT,
                message_id=envelope.id,
                message_type=envelope.kind,
            )
            await self._publish(envelope.body, properties, to)

    @asynccontextmanager
    async def consume(
        self, queue: Queue, *, prefetch: int, alone: bool = False, priority: int = 0, patience: float = 0
    ) -> AsyncIterator[AsyncIterator[Delivery]]:
        terms = Terms(prefetch, alone, priority, patience)
        subscription = Subscription(self._connection, queue, terms, bury=self._bury)
        try:
            await subscription.open()
            yield subscription.deliveries()
        finally:
            await subscription.close()

    async def depth(self, queue: Queue) -> int | None:
        try:
            async with self._connection.channel(f"looking at {queue.name}") as channel:
                found = await channel.declare_queue(queue.name, passive=True)
                return found.declaration_result.message_count
        except Unroutable:
            return None

    async def _bury(self, message: DeliveredMessage, queue: str, why: str) -> None:
        known = message.header.properties
        properties = Properties(
            headers={**(known.headers or {}), "x-why": why[:_LONGEST_REASON], "x-queue": queue},
            content_type=known.content_type,
            delivery_mode=PERSISTENT,
            message_id=known.message_id,
            message_type=known.message_type,
        )
        await self._publish(message.body, properties, Address(BURIED.name, ""))

    async def _publish(self, body: bytes, properties: Properties, to: Address) -> None:
        channel = await self._publishing()
        with translated(f"publishing to {to.exchange}/{to.key}"):
            underlay = await channel.get_underlay_channel()
            try:
                await underlay.basic_publish(  # type: ignore[call-arg]  # its abstract class leaves `wait` out
                    body,
                    exchange=to.exchange,
                    routing_key=to.key,
                    properties=properties,
                    mandatory=True,
                    timeout=PATIENCE,
                    # What counts is the confirmation. Else each would wait for the socket before the next is written.
                    wait=False,
                )
            except amqp.ChannelClosed as error:
                if f"'{to.exchange}'" in str(error):
                    raise
                raise BrokerUnavailable(
                    "Another message closed the channel that this one was on.", detail=repr(error)
                ) from error

    async def _publishing(self) -> AbstractChannel:
        if self._publisher and not self._publisher.is_closed:
            return self._publisher
        # Waited for outside the lock: else many publishers would wait one after the other.
        await self._connection.connected()
        async with self._publisher_lock:
            if self._publisher is None or self._publisher.is_closed:
                self._publisher = await self._connection.open_channel()
            return self._publisher
