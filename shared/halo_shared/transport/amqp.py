"""The broker itself: the only module that knows its client library.

Defaults are the other way round from the library's: messages are persistent and confirmed, and one that
reaches no queue is an error. Reconnecting is done here rather than by the library's robust connection,
because a delivery from a lost channel must say so (DeliveryLost) instead of failing silently.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from types import TracebackType
from typing import Any, Final, Self

import aio_pika
from aio_pika import exceptions as amqp
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractIncomingMessage,
    AbstractQueue,
)
from tenacity import RetryCallState, wait_random_exponential

from halo_shared import logs
from halo_shared.errors import (
    BrokerUnavailable,
    ConfigurationError,
    CredentialRefused,
    DeliveryLost,
    HaloIntegratorError,
    PermissionMissing,
    Unroutable,
)
from halo_shared.messages.codec import Envelope
from halo_shared.redaction import scrub
from halo_shared.topology import BURIED, Address, Exchange, Queue, QueueKind
from halo_shared.transport import Delivery

log = logs.get(__name__)

CONNECT_TIMEOUT: Final = 10.0
PATIENCE: Final = 15.0
"""Seconds that a publisher waits for a broker that is away, before it hears BrokerUnavailable."""
_RECONNECT: Final = wait_random_exponential(multiplier=0.5, max=30)
"""Full jitter, so that a thousand agents do not come back in the same second."""


class AmqpTransport:
    """A Transport over RabbitMQ. Enter it to connect; it reconnects by itself until it is left."""

    def __init__(self, url: str, *, name: str) -> None:
        self._url = url
        self._name = name
        self._up = asyncio.Event()
        self._failure: HaloIntegratorError = BrokerUnavailable(
            f"The broker at {self.address} was not reached yet."
        )
        self._connection: AbstractConnection | None = None
        self._publisher: AbstractChannel | None = None
        self._publisher_lock = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None
        self._later: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """The broker's URL without its password."""
        return scrub(self._url)

    async def __aenter__(self) -> Self:
        self._keeper = asyncio.create_task(self._keep_connected(), name="broker connection")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tasks = [task for task in (self._keeper, *self._later) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._connection and not self._connection.is_closed:
            with suppress(*amqp.CONNECTION_EXCEPTIONS):
                await self._connection.close()

    async def ready(self, patience: float = PATIENCE) -> None:
        """Return when connected; raises what stands in the way after so many seconds."""
        await self._connected(patience)

    async def declare(self, *parts: Exchange | Queue) -> None:
        async with self._channel() as channel:
            for part in parts:
                await self._declare(channel, part)

    async def publish(self, envelope: Envelope, to: Address) -> None:
        message = aio_pika.Message(
            envelope.body,
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=envelope.id,
            type=envelope.kind,
        )
        await self._publish(message, to)

    @asynccontextmanager
    async def consume(
        self, queue: Queue, *, prefetch: int
    ) -> AsyncIterator[AsyncIterator[Delivery]]:
        subscription = _Subscription(self, queue, prefetch)
        try:
            yield subscription.deliveries()
        finally:
            await subscription.close()

    async def depth(self, queue: Queue) -> int | None:
        try:
            async with self._channel() as channel:
                found = await channel.declare_queue(queue.name, passive=True)
                return found.declaration_result.message_count
        except Unroutable:
            return None

    async def bury(self, message: AbstractIncomingMessage, queue: str, why: str) -> None:
        """Publish a copy with the reason; the caller settles the original after this returned."""
        copy = aio_pika.Message(
            message.body,
            headers={**message.headers, "x-why": why[:2000], "x-queue": queue},
            content_type=message.content_type,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=message.message_id,
            type=message.type,
        )
        await self._publish(copy, Address(BURIED.name, ""))

    def later(self, task: "asyncio.Task[None]") -> None:
        """Keep a task alive until it is done or the transport is left."""
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _publish(self, message: aio_pika.Message, to: Address) -> None:
        channel = await self._publishing()
        with _translated(f"publishing to {to.exchange}/{to.key}"):
            exchange = await channel.get_exchange(to.exchange, ensure=False)
            await exchange.publish(message, to.key, mandatory=True, timeout=PATIENCE)

    async def _publishing(self) -> AbstractChannel:
        async with self._publisher_lock:
            connection = await self._connected(PATIENCE)
            if self._publisher is None or self._publisher.is_closed:
                with _translated("opening a channel"):
                    self._publisher = await connection.channel(
                        publisher_confirms=True, on_return_raises=True
                    )
            return self._publisher

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[AbstractChannel]:
        connection = await self._connected(PATIENCE)
        with _translated("using a channel"):
            async with connection.channel() as channel:
                yield channel

    async def subscribe(self, queue: Queue, prefetch: int) -> tuple[AbstractChannel, AbstractQueue]:
        """A channel of its own for one consumer; waits for as long as the broker is away."""
        await self._up.wait()
        connection = await self._connected(PATIENCE)
        with _translated(f"consuming {queue.name}"):
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=prefetch)
            if queue.kind is QueueKind.OWN:
                return channel, await self._declare_queue(channel, queue)
            return channel, await channel.get_queue(queue.name, ensure=False)

    async def _declare(self, channel: AbstractChannel, part: Exchange | Queue) -> None:
        if isinstance(part, Exchange):
            await channel.declare_exchange(part.name, part.kind.value, durable=True)
        else:
            await self._declare_queue(channel, part)

    async def _declare_queue(self, channel: AbstractChannel, queue: Queue) -> AbstractQueue:
        own = queue.kind is QueueKind.OWN
        declared = await channel.declare_queue(
            queue.name, durable=not own, exclusive=own, auto_delete=own, arguments=_arguments(queue)
        )
        for binding in queue.bindings:
            await declared.bind(binding.exchange, binding.key)
        return declared

    async def _connected(self, patience: float) -> AbstractConnection:
        try:
            async with asyncio.timeout(patience):
                await self._up.wait()
        except TimeoutError:
            raise self._failure from None
        if self._connection is None:
            raise self._failure
        return self._connection

    async def _keep_connected(self) -> None:
        attempt = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]  # only counts attempts for the wait
        while True:
            with suppress(HaloIntegratorError):
                self._connection = await self._connect()
                attempt.attempt_number = 1
                self._up.set()
                log.info("broker_connected", broker=self.address)
                await self._until_closed(self._connection)
                self._up.clear()
                self._failure = BrokerUnavailable(
                    f"The connection to the broker at {self.address} was lost."
                )
            pause = _RECONNECT(attempt)
            attempt.attempt_number += 1
            log.warning("broker_away", why=self._failure.message, next_try_in=round(pause, 1))
            await asyncio.sleep(pause)

    async def _connect(self) -> AbstractConnection:
        try:
            return await aio_pika.connect(
                self._url,
                timeout=CONNECT_TIMEOUT,
                client_properties={"connection_name": self._name},
            )
        except (amqp.ProbableAuthenticationError, amqp.AuthenticationError) as error:
            self._failure = CredentialRefused(
                f"The broker at {self.address} refused the user name or password, or the virtual host does not exist.",
                detail=str(error),
            )
        except (*amqp.CONNECTION_EXCEPTIONS, TimeoutError) as error:
            self._failure = BrokerUnavailable(
                f"The broker at {self.address} cannot be reached: {str(error) or type(error).__name__}. "
                "Check the address, and that the broker is running.",
                detail=repr(error),
            )
        raise self._failure

    @staticmethod
    async def _until_closed(connection: AbstractConnection) -> None:
        with suppress(*amqp.CONNECTION_EXCEPTIONS):
            await connection.closed()


Arguments = dict[str, Any]  # Any: what AMQP calls a field table
_Inbox = asyncio.Queue[AbstractIncomingMessage | None]


class _Subscription:
    """One consumer across reconnections: each loss of the channel is followed by a new subscription."""

    def __init__(self, transport: AmqpTransport, queue: Queue, prefetch: int) -> None:
        self._transport = transport
        self._queue = queue
        self._prefetch = prefetch
        self._channel: AbstractChannel | None = None

    async def deliveries(self) -> AsyncIterator[Delivery]:
        while True:
            try:
                self._channel, queue = await self._transport.subscribe(self._queue, self._prefetch)
            except BrokerUnavailable:
                continue
            try:
                inbox = await self._fill(self._channel, queue)
            except BrokerUnavailable:
                continue
            while message := await inbox.get():
                yield AmqpDelivery(self._transport, message, self._queue.name)

    async def _fill(self, channel: AbstractChannel, queue: AbstractQueue) -> _Inbox:
        """What the broker hands out, ended by None when the channel is lost."""
        inbox: _Inbox = asyncio.Queue()

        async def arrived(message: AbstractIncomingMessage) -> None:
            inbox.put_nowait(message)

        channel.close_callbacks.add(lambda *_: inbox.put_nowait(None))
        with _translated(f"consuming {self._queue.name}"):
            await queue.consume(arrived)
        return inbox

    async def close(self) -> None:
        """Leave the channel; the broker takes back what was not settled."""
        if self._channel and not self._channel.is_closed:
            with suppress(*amqp.CONNECTION_EXCEPTIONS):
                await self._channel.close()


class AmqpDelivery:
    """One message of the broker."""

    def __init__(
        self, transport: AmqpTransport, message: AbstractIncomingMessage, queue: str
    ) -> None:
        self._transport = transport
        self._message = message
        self._queue = queue
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

    async def done(self) -> None:
        self._settle()
        with _lost():
            await self._message.ack()

    async def again(self, *, after: float = 0) -> None:
        self._settle()
        if after:
            self._transport.later(asyncio.create_task(self._give_back_after(after)))
            return
        with _lost():
            await self._message.nack(requeue=True)

    async def bury(self, why: str) -> None:
        self._settle()
        await self._transport.bury(self._message, self._queue, why)
        with _lost():
            await self._message.ack()

    async def _give_back_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        with suppress(*amqp.CONNECTION_EXCEPTIONS):
            await self._message.nack(requeue=True)

    def _settle(self) -> None:
        if self._settled:
            raise RuntimeError(f"a delivery of {self._queue} was settled twice")
        self._settled = True


def _arguments(queue: Queue) -> Arguments:
    arguments: Arguments = {}
    if queue.kind is QueueKind.QUORUM:
        arguments["x-queue-type"] = "quorum"
    if queue.expires:
        arguments["x-message-ttl"] = int(queue.expires.total_seconds() * 1000)
    if queue.longest:
        arguments |= {"x-max-length": queue.longest, "x-overflow": "drop-head"}
    return arguments


@contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except amqp.CONNECTION_EXCEPTIONS as error:
        raise DeliveryLost(detail=repr(error)) from error


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    """The library's errors in our words."""
    try:
        yield
    except (amqp.ChannelNotFoundEntity, amqp.PublishError) as error:
        raise Unroutable(
            f"Nothing receives what was sent ({doing}): {error}", detail=repr(error)
        ) from error
    except amqp.ChannelPreconditionFailed as error:
        raise ConfigurationError(
            f"The broker holds a queue or exchange of the same name with other arguments ({doing}): {error}. "
            "Delete it on the broker, then start again.",
            detail=repr(error),
        ) from error
    except amqp.ChannelClosed as error:
        if "ACCESS_REFUSED" in str(error):
            raise PermissionMissing(
                f"The broker account may not do this ({doing}): {error}"
            ) from error
        raise BrokerUnavailable(
            f"The broker closed the channel ({doing}): {error}", detail=repr(error)
        ) from error
    except (*amqp.CONNECTION_EXCEPTIONS, TimeoutError) as error:
        if isinstance(error, HaloIntegratorError):
            raise
        raise BrokerUnavailable(f"The broker went away ({doing}).", detail=repr(error)) from error
