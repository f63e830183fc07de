"""How messages travel: the contract that the broker and its in-memory twin both keep."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from halo_shared.errors import Unroutable
from halo_shared.messages.codec import Envelope
from halo_shared.topology import Address, Exchange, Queue


class Delivery(Protocol):
    """One message handed out; it ends in exactly one of three verbs.

    A second verb is a fault of ours and raises RuntimeError. A verb whose connection is gone raises
    DeliveryLost: the broker then hands the message out again.
    """

    @property
    def body(self) -> bytes: ...

    @property
    def queue(self) -> str: ...

    @property
    def redelivered(self) -> bool: ...

    @property
    def traceparent(self) -> str | None:
        """As in `Envelope`."""
        ...

    async def done(self) -> None:
        """Handled, or needing nothing more."""
        ...

    async def again(self, *, after: float = 0) -> None:
        """Hand it out once more, not before so many seconds; does not wait for them.

        It counts against `prefetch` until then, so that a queue of failing messages is not spun through.
        """
        ...

    async def bury(self, why: str) -> None:
        """Keep it in `buried` with the reason, for a person to look at.

        Raises Unroutable when nothing is bound to `buried`; the message then stays unsettled.
        """
        ...


class Transport(Protocol):
    """A connection to the broker that outlives the broker's absences."""

    async def declare(self, *parts: Exchange | Queue) -> None:
        """Make these exist; harmless when they do. Raises ConfigurationError when they exist differently."""
        ...

    async def publish(self, envelope: Envelope, to: Address) -> None:
        """Return when the broker has confirmed it and it reached at least one queue.

        Raises Unroutable when nothing is bound there, BrokerUnavailable when no confirmation came.
        """
        ...

    def consume(
        self, queue: Queue, *, prefetch: int, alone: bool = False, priority: int = 0, patience: float = 0
    ) -> AbstractAsyncContextManager[AsyncIterator[Delivery]]:
        """Deliveries of a queue, at most `prefetch` unsettled at once, across reconnections.

        `alone` keeps others away: whoever else wants it alone waits until this consumer is gone, and logs why.
        Of several consumers, the one of the highest `priority` is served as long as it has room: one that is frozen
        and lower then takes no messages with it.

        Entering waits for the broker. What is unsettled when the context ends goes back to the queue. A
        watcher's own queue is made by entering; any other must exist, else Unroutable is raised: after `patience`
        seconds, for which it is waited for at the start and whenever it was lost.
        """
        ...

    async def depth(self, queue: Queue) -> int | None:
        """How many messages wait there; None when there is no such queue."""
        ...


def no_such_queue(queue: Queue) -> Unroutable:
    """What consuming a queue that is not there raises, on each broker."""
    return Unroutable(
        f"There is no queue '{queue.name}' on the broker; the controller makes it when it starts, "
        "or when the agent or group is added there."
    )
