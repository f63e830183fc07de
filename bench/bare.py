"""What aio-pika does by itself: the peers of everything that crosses the broker."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

JOB: Final = b"x" * 1024
IN_FLIGHT: Final = 100
PREFETCH: Final = 200


@asynccontextmanager
async def round_trips(url: str) -> AsyncIterator[Callable[[], Awaitable[float]]]:
    """A job out and an answer back, persistent and confirmed, on two connections; milliseconds each time."""
    async with await aio_pika.connect(url) as near, await aio_pika.connect(url) as far:
        asking, answering = await near.channel(), await far.channel()
        answers: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()

        async def answer(message: AbstractIncomingMessage) -> None:
            await _send(answering, "bench.answers", JOB)
            await message.ack()

        await (await asking.declare_queue("bench.answers", durable=True)).consume(answers.put)
        await (await answering.declare_queue("bench.jobs", durable=True)).consume(answer)

        async def trip() -> float:
            began = time.perf_counter()
            await _send(asking, "bench.jobs", JOB)
            await (await answers.get()).ack()
            return (time.perf_counter() - began) * 1000

        yield trip


@asynccontextmanager
async def inserts(url: str, file: Path) -> AsyncIterator[Callable[[Sequence[bytes]], Awaitable[None]]]:
    """Messages through a queue of the same kind as `events`, each then inserted in a transaction of its own."""
    async with await aio_pika.connect(url) as near, await aio_pika.connect(url) as far:
        sending, receiving = await near.channel(), await far.channel()
        await receiving.set_qos(prefetch_count=PREFETCH)
        queue = await receiving.declare_queue("bench", durable=True, arguments={"x-queue-type": "quorum"})
        with closing(sqlite3.connect(file, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.execute("CREATE TABLE events (id TEXT PRIMARY KEY, body BLOB)")

            async def send(bodies: Sequence[bytes]) -> None:
                for start in range(0, len(bodies), IN_FLIGHT):
                    some = bodies[start : start + IN_FLIGHT]
                    await asyncio.gather(*(_send(sending, queue.name, body) for body in some))

            async def receive(number: int) -> None:
                async with queue.iterator() as messages:
                    for _ in range(number):
                        message = await anext(messages)
                        db.execute("INSERT INTO events VALUES (?, ?)", (str(uuid4()), message.body))
                        await message.ack()

            async def through(bodies: Sequence[bytes]) -> None:
                await asyncio.gather(send(bodies), receive(len(bodies)))

            yield through


async def _send(channel: AbstractChannel, queue: str, body: bytes) -> None:
    message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
    await channel.default_exchange.publish(message, queue)
