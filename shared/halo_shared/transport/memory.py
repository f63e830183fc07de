"""The same contract in one process: for tests, and for trying the product where there is no broker."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from halo_shared.errors import Unroutable
from halo_shared.messages.codec import Envelope
from halo_shared.topology import BURIED, Address, Exchange, ExchangeKind, Queue, QueueKind
from halo_shared.transport import Delivery


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as a queue holds it."""

    envelope: Envelope
    redelivered: bool = False
    why: str = ""


@dataclass(slots=True)
class _QueueState:
    queue: Queue
    waiting: deque[Stored] = field(default_factory=deque)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)


class MemoryTransport:
    """A Transport whose broker is this object: give the same one to both sides."""

    def __init__(self) -> None:
        self._exchanges: dict[str, Exchange] = {}
        self._queues: dict[str, _QueueState] = {}
        self._unsettled: Counter[str] = Counter()
        self._later: set[asyncio.Task[None]] = set()

    @property
    def unsettled(self) -> int:
        """Deliveries that are out and have met none of the three verbs: zero when all is well."""
        return self._unsettled.total()

    def buried(self) -> list[Stored]:
        """What lies in the queue `buried`."""
        state = self._queues.get("buried")
        return list(state.waiting) if state else []

    async def declare(self, *parts: Exchange | Queue) -> None:
        for part in parts:
            if isinstance(part, Exchange):
                self._exchanges[part.name] = part
            else:
                self._queues.setdefault(part.name, _QueueState(part))

    async def publish(self, envelope: Envelope, to: Address) -> None:
        await self._route(Stored(envelope), to)

    async def depth(self, queue: Queue) -> int | None:
        state = self._queues.get(queue.name)
        return len(state.waiting) if state else None

    @asynccontextmanager
    async def consume(
        self, queue: Queue, *, prefetch: int
    ) -> AsyncIterator[AsyncIterator[Delivery]]:
        if queue.kind is QueueKind.OWN:
            await self.declare(queue)
        open_deliveries: set[MemoryDelivery] = set()
        try:
            yield self._deliveries(queue.name, prefetch, open_deliveries)
        finally:
            for delivery in list(open_deliveries):
                await delivery.again()
            if queue.kind is QueueKind.OWN:
                self._queues.pop(queue.name, None)

    async def give_back(self, stored: Stored, queue: str) -> None:
        """Put a message back at the head of its queue."""
        state = self._queues.get(queue)
        if state is None:
            return
        async with state.news:
            state.waiting.appendleft(replace(stored, redelivered=True))
            state.news.notify_all()

    async def bury(self, stored: Stored, why: str) -> None:
        """Keep a message with the reason."""
        await self._route(replace(stored, why=why), Address(BURIED.name, ""))

    def later(self, task: "asyncio.Task[None]") -> None:
        """Keep a task alive until it is done."""
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def settled(self, queue: str) -> None:
        """One delivery of this queue met its verb; a waiting consumer may have the next."""
        self._unsettled[queue] -= 1
        state = self._queues.get(queue)
        if state:
            async with state.news:
                state.news.notify_all()

    async def _route(self, stored: Stored, to: Address) -> None:
        exchange = self._exchanges.get(to.exchange)
        bound = [
            state
            for state in self._queues.values()
            if exchange and any(_matches(exchange, binding, to) for binding in state.queue.bindings)
        ]
        if not bound:
            raise Unroutable(
                f"Nothing receives what was sent (publishing to {to.exchange}/{to.key})."
            )
        for state in bound:
            async with state.news:
                if state.queue.longest and len(state.waiting) >= state.queue.longest:
                    state.waiting.popleft()
                state.waiting.append(stored)
                state.news.notify_all()

    async def _deliveries(
        self, queue: str, prefetch: int, open_deliveries: "set[MemoryDelivery]"
    ) -> AsyncIterator[Delivery]:
        state = self._queues.get(queue)
        if state is None:
            raise Unroutable(f"Nothing receives what was sent (consuming {queue}).")
        while True:
            async with state.news:
                await state.news.wait_for(lambda: state.waiting and len(open_deliveries) < prefetch)
                delivery = MemoryDelivery(self, state.waiting.popleft(), queue, open_deliveries)
                open_deliveries.add(delivery)
                self._unsettled[queue] += 1
            yield delivery


class MemoryDelivery:
    """One message of the in-memory broker."""

    def __init__(
        self,
        transport: MemoryTransport,
        stored: Stored,
        queue: str,
        open_deliveries: "set[MemoryDelivery]",
    ) -> None:
        self._transport = transport
        self._stored = stored
        self._queue = queue
        self._open = open_deliveries

    @property
    def body(self) -> bytes:
        return self._stored.envelope.body

    @property
    def queue(self) -> str:
        return self._queue

    @property
    def redelivered(self) -> bool:
        return self._stored.redelivered

    async def done(self) -> None:
        await self._settle()

    async def again(self, *, after: float = 0) -> None:
        await self._settle()
        if after:
            self._transport.later(asyncio.create_task(self._give_back_after(after)))
        else:
            await self._transport.give_back(self._stored, self._queue)

    async def bury(self, why: str) -> None:
        await self._settle()
        await self._transport.bury(self._stored, why)

    async def _give_back_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._transport.give_back(self._stored, self._queue)

    async def _settle(self) -> None:
        if self not in self._open:
            raise RuntimeError(f"a delivery of {self._queue} was settled twice")
        self._open.discard(self)
        await self._transport.settled(self._queue)


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
