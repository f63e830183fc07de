"""Bare consumers in this process, the peers of many agents: `python -m bench.crowd URL NAME...`."""

import asyncio
import sys

import aio_pika
from aio_pika.abc import AbstractIncomingMessage


async def crowd(url: str, names: list[str]) -> None:
    """A connection, a channel, a durable queue and a consumer each, until this is ended."""
    await asyncio.gather(*(_consumer(url, name) for name in names))
    await asyncio.Event().wait()


async def _consumer(url: str, name: str) -> None:
    connection = await aio_pika.connect_robust(url, heartbeat=10)
    channel = await connection.channel()
    await (await channel.declare_queue(name, durable=True)).consume(_ignore)


async def _ignore(message: AbstractIncomingMessage) -> None:
    await message.ack()


if __name__ == "__main__":
    address, *all_names = sys.argv[1:]
    asyncio.run(crowd(address, all_names))
