"""The same contract in one process: for tests, and for trying the product where there is no broker."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from halo_shared.errors import ConfigurationError, DeliveryLost, Unroutable
from halo_shared.messages.codec import Envelope
from halo_shared.telemetry.messaging import publishing
from halo_shared.topology import BURIED, Address, Exchange, ExchangeKind, Queue, QueueKind
from halo_shared.transport import Delivery, no_such_queue

LOOK_EVERY: Final = 0.02
"""Seconds between looks for a queue that is not there."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as a queue holds it."""

    envelope: Envelope
    redelivered: bool = False
    why: str = ""
    expires_at: float | None = None
    """On the event loop's clock."""


class MemoryTransport:
    """A Transport whose broker is this object: give the same one to both sides."""

    def __init__(self) -> None:
        self._exchanges: dict[str, Exchange] = {}
        self._queues: dict[str, _HeldQueue] = {}
        self._consumers: list[_Consumer] = []

    @property
    def unsettled(self) -> int:
        """Deliveries that are out and have met none of the three verbs: zero when all is well."""
        return sum(not delivery.settled for consumer in self._consumers for delivery in consumer.out)

    def buried(self) -> list[Stored]:
        """What lies in the queue `buried`."""
        held = self._queues.get("buried")
        return list(held.waiting) if held else []

    async def declare(self, *parts: Exchange | Queue) -> None:
        for part in parts:
            if isinstance(part, Exchange):
                self._declare_exchange(part)
            else:
                self._declare_queue(part)

    async def publish(self, envelope: Envelope, to: Address) -> None:
        with publishing(envelope, to) as traceparent:
            await self.route(Stored(replace(envelope, traceparent=traceparent)), to)

    async def depth(self, queue: Queue) -> int | None:
        held = self._queues.get(queue.name)
        return len(held.fresh()) if held else None

    @asynccontextmanager
    async def consume(
        self, queue: Queue, *, prefetch: int, alone: bool = False, priority: int = 0, patience: float = 0
    ) -> AsyncIterator[AsyncIterator[Delivery]]:
        if queue.kind is QueueKind.OWN:
            self._declare_queue(queue)
        held = await self._found(queue, patience)
        # Whatever its priority: here a consumer is handed only what it asks for.
        consumer = _Consumer(self, held, prefetch)
        if alone:
            await held.taken.acquire()
        self._consumers.append(consumer)
        try:
            yield consumer.deliveries()
        finally:
            self._consumers.remove(consumer)
            await consumer.close()
            if alone:
                held.taken.release()
            if queue.kind is QueueKind.OWN:
                self._queues.pop(queue.name, None)

    async def _found(self, queue: Queue, patience: float) -> "_HeldQueue":
        waited = 0.0
        while (held := self._queues.get(queue.name)) is None:
            if waited >= patience:
                raise no_such_queue(queue)
            await asyncio.sleep(LOOK_EVERY)
            waited += LOOK_EVERY
        return held

    async def route(self, stored: Stored, to: Address) -> None:
        """Put the message into each queue that is bound there."""
        exchange = self._exchanges.get(to.exchange)
        bound = [held for held in self._queues.values() if exchange and held.takes(exchange, to)]
        if not bound:
            raise Unroutable(f"Nothing receives what was sent (publishing to {to.exchange}/{to.key}).")
        for held in bound:
            await held.put(stored)

    def _declare_exchange(self, exchange: Exchange) -> None:
        known = self._exchanges.setdefault(exchange.name, exchange)
        if known.kind is not exchange.kind:
            raise ConfigurationError(f"There is an exchange '{exchange.name}' of another kind.")

    def _declare_queue(self, queue: Queue) -> None:
        held = self._queues.setdefault(queue.name, _HeldQueue(queue))
        if _arguments(held.queue) != _arguments(queue):
            raise ConfigurationError(f"There is a queue '{queue.name}' with other arguments.")
        held.bindings |= set(queue.bindings)


class _HeldQueue:
    """A queue and what waits in it."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.bindings = set(queue.bindings)
        self.waiting: deque[Stored] = deque()
        self.news = asyncio.Condition()
        self.taken = asyncio.Lock()
        """Held by the consumer that wants the queue alone."""

    def takes(self, exchange: Exchange, to: Address) -> bool:
        """Whether a message sent there belongs here too."""
        return any(_matches(exchange, binding, to) for binding in self.bindings)

    def fresh(self) -> deque[Stored]:
        """What waits here and has not expired."""
        now = asyncio.get_running_loop().time()
        if any(stored.expires_at and stored.expires_at <= now for stored in self.waiting):
            self.waiting = deque(
                stored for stored in self.waiting if not stored.expires_at or stored.expires_at > now
            )
        return self.waiting

    async def put(self, stored: Stored) -> None:
        """Let a message wait at the end."""
        async with self.news:
            waiting = self.fresh()
            if self.queue.longest and len(waiting) >= self.queue.longest:
                waiting.popleft()
            waiting.append(replace(stored, expires_at=_expiry(self.queue.expires)))
            self.news.notify_all()

    async def put_back(self, *stored: Stored) -> None:
        """Let messages wait at the head again, in their order."""
        async with self.news:
            self.waiting.extendleft(replace(each, redelivered=True) for each in reversed(stored))
            self.news.notify_all()


@dataclass(slots=True, eq=False)
class _Consumer:
    """One `consume`: what it has out, at most `prefetch` at once."""

    transport: MemoryTransport
    held: _HeldQueue
    prefetch: int
    out: "list[MemoryDelivery]" = field(default_factory=list)
    left: bool = False

    async def deliveries(self) -> AsyncIterator[Delivery]:
        while True:
            async with self.held.news:
                await self.held.news.wait_for(self._may_go_on)
                if self.left:
                    return
                delivery = MemoryDelivery(self, self.held.waiting.popleft())
                self.out.append(delivery)
            yield delivery

    def _may_go_on(self) -> bool:
        return self.left or (len(self.out) < self.prefetch and bool(self.held.fresh()))

    async def take_back(self, delivery: "MemoryDelivery", *, requeue: bool) -> None:
        """This delivery is out no more; its slot is free."""
        if delivery not in self.out:
            raise DeliveryLost
        self.out.remove(delivery)
        if requeue:
            await self.held.put_back(delivery.stored)
        else:
            async with self.held.news:
                self.held.news.notify_all()

    async def close(self) -> None:
        """All that is out goes back to the queue."""
        self.left = True
        out, self.out = self.out, []
        for delivery in out:
            delivery.abandon()
        await self.held.put_back(*(delivery.stored for delivery in out))


class MemoryDelivery:
    """One message of the in-memory broker."""

    def __init__(self, consumer: _Consumer, stored: Stored) -> None:
        self.stored = stored
        self.settled = False
        self._consumer = consumer
        self._timer: asyncio.Task[None] | None = None

    @property
    def body(self) -> bytes:
        return self.stored.envelope.body

    @property
    def queue(self) -> str:
        return self._consumer.held.queue.name

    @property
    def redelivered(self) -> bool:
        return self.stored.redelivered

    @property
    def traceparent(self) -> str | None:
        return self.stored.envelope.traceparent

    async def done(self) -> None:
        self._settle()
        await self._consumer.take_back(self, requeue=False)

    async def again(self, *, after: float = 0) -> None:
        self._settle()
        if after:
            self._timer = asyncio.create_task(self._give_back_after(after))
        else:
            await self._consumer.take_back(self, requeue=True)

    async def bury(self, why: str) -> None:
        self._settle()
        await self._consumer.transport.route(replace(self.stored, why=why), Address(BURIED.name, ""))
        await self._consumer.take_back(self, requeue=False)

    def abandon(self) -> None:
        """The consumer was left: the queue has the message already."""
        if self._timer:
            self._timer.cancel()

    async def _give_back_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._consumer.take_back(self, requeue=True)

    def _settle(self) -> None:
        if self.settled:
            raise RuntimeError(f"a delivery of {self.queue} was settled twice")
        self.settled = True


def _arguments(queue: Queue) -> tuple[QueueKind, timedelta | None, int | None]:
    """What a second declaration may not change."""
    return queue.kind, queue.expires, queue.longest


def _expiry(lifetime: timedelta | None) -> float | None:
    return asyncio.get_running_loop().time() + lifetime.total_seconds() if lifetime else None


def _matches(exchange: Exchange, binding: Address, to: Address) -> bool:
    if binding.exchange != exchange.name:
        return False
    match exchange.kind:
        case ExchangeKind.FANOUT:
            return True
        case ExchangeKind.DIRECT:
            return binding.key == to.key
        case ExchangeKind.TOPIC:
            return _topic_matches(binding.key.split("."), to.key.split("."))


def _topic_matches(pattern: list[str], key: list[str]) -> bool:
    """AMQP's topic rule: `*` is one word, `#` is any number of them."""
    if not pattern:
        return not key
    if pattern[0] == "#":
        return any(_topic_matches(pattern[1:], key[skip:]) for skip in range(len(key) + 1))
    return bool(key) and pattern[0] in ("*", key[0]) and _topic_matches(pattern[1:], key[1:])
