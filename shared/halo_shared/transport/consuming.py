"""Reading a queue so that no message is left unsettled."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

from pydantic import TypeAdapter

from halo_shared import logs
from halo_shared.errors import DeliveryLost, ProtocolError, Settle, disposition
from halo_shared.messages.codec import unseal
from halo_shared.redaction import scrub
from halo_shared.topology import Queue
from halo_shared.transport import Delivery, Transport

M = TypeVar("M")
log = logs.get(__name__)

AGAIN_AFTER: Final = 5.0
"""Seconds before a message is handed out again whose handler met a passing fault."""


async def read(
    deliveries: AsyncIterator[Delivery], family: TypeAdapter[M]
) -> AsyncIterator[tuple[M, Delivery]]:
    """The messages of a queue; what can't be understood is buried with the reason, never seen by the caller."""
    async for delivery in deliveries:
        try:
            message = unseal(delivery.body, family)
        except ProtocolError as error:
            log.error("message_buried", queue=delivery.queue, code=error.code, why=error.message)
            await settle(delivery, Settle.BURY, why=f"{error.code}: {error.message}")
        else:
            yield message, delivery


async def serve(
    transport: Transport,
    queue: Queue,
    family: TypeAdapter[M],
    handle: Callable[[M], Awaitable[None]],
    *,
    prefetch: int,
) -> None:
    """Hand each message of a queue to `handle`, one after the other, and settle it by what came of it. Never returns."""
    async with transport.consume(queue, prefetch=prefetch) as deliveries:
        async for message, delivery in read(deliveries, family):
            try:
                await handle(message)
            # The edge of a loop: whatever happens, the delivery is settled.
            except Exception as error:
                after = disposition(error)
                log.exception(
                    "message_failed",
                    queue=queue.name,
                    settle=after.settle,
                    error_class=after.error_class,
                )
                await settle(delivery, after.settle, why=f"{type(error).__name__}: {error}")
            else:
                await settle(delivery, Settle.DONE)


async def settle(delivery: Delivery, how: Settle, *, why: str = "") -> None:
    """End a delivery; a lost connection needs nothing, because the broker hands the message out again."""
    try:
        match how:
            case Settle.DONE:
                await delivery.done()
            case Settle.AGAIN:
                await delivery.again(after=AGAIN_AFTER)
            case Settle.BURY:
                await delivery.bury(scrub(why))
    except DeliveryLost:
        log.info("delivery_lost", queue=delivery.queue)
