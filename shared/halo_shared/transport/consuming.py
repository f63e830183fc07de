"""Reading a queue so that no message is left unsettled."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Final, TypeVar

from pydantic import TypeAdapter

from halo_shared import logs
from halo_shared.errors import (
    DeliveryLost,
    ProtocolError,
    Settle,
    TransientError,
    UnsupportedVersion,
    disposition,
)
from halo_shared.messages.codec import unseal
from halo_shared.redaction import scrub
from halo_shared.telemetry.messaging import processing
from halo_shared.topology import Queue
from halo_shared.transport import Delivery, Transport

M = TypeVar("M")
T = TypeVar("T")
log = logs.get(__name__)

AGAIN_AFTER: Final = 5.0
"""Seconds before a message is handed out again whose handler met a passing fault."""


Foreign = Callable[[bytes, UnsupportedVersion], Awaitable[bool]]
"""Deals with a message of another version of the protocol; False when it is to be buried."""


async def read(
    deliveries: AsyncIterator[Delivery], family: TypeAdapter[M], *, foreign: Foreign | None = None
) -> AsyncIterator[tuple[M, Delivery]]:
    """The messages of a queue; what can't be understood is buried with the reason, never seen by the caller."""
    async for delivery in deliveries:
        try:
            message = unseal(delivery.body, family)
        except ProtocolError as error:
            if (
                isinstance(error, UnsupportedVersion)
                and foreign
                and await _dealt_with(foreign, delivery, error)
            ):
                continue
            log.error("message_buried", queue=delivery.queue, code=error.code, why=error.message)
            await settle(delivery, Settle.BURY, why=f"{error.code}: {error.message}")
        else:
            yield message, delivery


async def _dealt_with(foreign: Foreign, delivery: Delivery, error: UnsupportedVersion) -> bool:
    """Whether a message of another version is settled."""
    try:
        if not await foreign(delivery.body, error):
            return False
    except TransientError:
        await settle(delivery, Settle.AGAIN)
    else:
        await settle(delivery, Settle.DONE)
    return True


async def serve_all(
    deliveries: AsyncIterator[Delivery],
    family: TypeAdapter[M],
    handle: Callable[[M], Awaitable[None]],
    *,
    foreign: Foreign | None = None,
) -> None:
    """Hand each message to `handle`, one after the other, and settle it by what came of it. Never returns."""
    async for message, delivery in read(deliveries, family, foreign=foreign):
        await _handle(handle, message, delivery)


async def serve_batches(
    transport: Transport,
    queue: Queue,
    family: TypeAdapter[M],
    handle: Callable[..., Awaitable[None]],
    *,
    prefetch: int,
    priority: int = 0,
    foreign: Foreign | None = None,
) -> None:
    """Hand messages to `handle(*messages)` as many at a time as have arrived, up to `prefetch`. Never returns.

    Where a batch fails for another reason than a passing one, its messages are handled one by one, so that only
    those that are at fault pay for it.
    """
    async with (
        transport.consume(queue, prefetch=prefetch, priority=priority) as deliveries,
        aclosing(_arrived(read(deliveries, family, foreign=foreign), prefetch)) as batches,
    ):
        async for batch in batches:
            try:
                with processing(*(delivery for _, delivery in batch)):
                    await handle(*(message for message, _ in batch))
            except TransientError as error:
                log.warning("batch_waits", queue=queue.name, messages=len(batch), code=error.code)
                for _, delivery in batch:
                    await settle(delivery, Settle.AGAIN)
            # The edge of a loop: which message is at fault shows when each is handled by itself.
            except Exception:
                log.info("batch_taken_apart", queue=queue.name, messages=len(batch), exc_info=True)
                for message, delivery in batch:
                    await _handle(handle, message, delivery)
            else:
                for _, delivery in batch:
                    await settle(delivery, Settle.DONE)


async def _handle(handle: Callable[[M], Awaitable[None]], message: M, delivery: Delivery) -> None:
    try:
        with processing(delivery):
            await handle(message)
    # The edge of a loop: whatever happens, the delivery is settled.
    except Exception as error:
        after = disposition(error)
        log.exception(
            "message_failed",
            queue=delivery.queue,
            settle=after.settle,
            error_class=after.error_class,
        )
        await settle(delivery, after.settle, why=f"{type(error).__name__}: {error}")
    else:
        await settle(delivery, Settle.DONE)


async def _arrived(items: AsyncIterator[T], most: int) -> AsyncGenerator[list[T], None]:
    """The items, as many at a time as have come since the last time."""
    waiting: asyncio.Queue[T | None] = asyncio.Queue()

    async def pour() -> None:
        try:
            async for item in items:
                waiting.put_nowait(item)
        finally:
            waiting.put_nowait(None)

    pouring = asyncio.create_task(pour())
    try:
        ended = False
        while not ended and (first := await waiting.get()) is not None:
            batch = [first]
            while len(batch) < most and not waiting.empty():
                more = waiting.get_nowait()
                if more is None:
                    ended = True
                    break
                batch.append(more)
            yield batch
        await pouring
    finally:
        pouring.cancel()
        await asyncio.gather(pouring, return_exceptions=True)


async def settle(delivery: Delivery, how: Settle, *, why: str = "", after: float = AGAIN_AFTER) -> None:
    """End a delivery; a lost connection needs nothing, because the broker hands the message out again."""
    try:
        match how:
            case Settle.DONE:
                await delivery.done()
            case Settle.AGAIN:
                await delivery.again(after=after)
            case Settle.BURY:
                await delivery.bury(scrub(why))
    except DeliveryLost:
        log.info("delivery_lost", queue=delivery.queue)
