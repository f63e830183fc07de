"""Bare consumers in this process, the peers of many agents: `python -m bench.crowd URL NAME...`."""

import asyncio
import gc
import sys
from contextlib import suppress
from typing import Final

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import AMQPError

AGAIN_AFTER: Final = 1.0
"""Seconds; the library's own connection that comes back by itself does not always bring its consumer along."""


async def crowd(url: str, names: list[str]) -> None:
    """A connection, a channel, a durable queue and a consumer each, until this is ended."""
    await asyncio.gather(*(_consumer(url, name) for name in names))


async def _consumer(url: str, name: str) -> None:
    while True:
        gone = asyncio.Event()
        # The library cancels those who wait for a connection that falls silent.
        with suppress(OSError, AMQPError, asyncio.CancelledError):
            connection = await aio_pika.connect(url, heartbeat=10)
            connection.close_callbacks.add(lambda *_, gone=gone: gone.set())
            channel = await connection.channel()
            await (await channel.declare_queue(name, durable=True)).consume(_ignore)
            await gone.wait()
        await asyncio.sleep(AGAIN_AFTER)


async def _ignore(message: AbstractIncomingMessage) -> None:
    await message.ack()


if __name__ == "__main__":
    address, *all_names = sys.argv[1:]
    gc.disable()  # one collection looks at the objects of a thousand, which in life are each in a process of its own
    asyncio.run(crowd(address, all_names))
