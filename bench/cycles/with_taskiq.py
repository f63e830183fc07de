"""taskiq over aio-pika, which acknowledges a task once its result is in PostgreSQL."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from taskiq.kicker import AsyncKicker
from taskiq_aio_pika import AioPikaBroker, Queue, QueueType
from taskiq_pg.asyncpg import AsyncpgResultBackend

from bench.cycles.side import CYCLES, Side
from bench.cycles.stores import counting
from bench.programs import at_work

PREFETCH: Final = 25
"""Of each of its two processes."""
CALLERS: Final = 8
"""How many trigger tasks at the same time."""
WORK: Final = "bench.work"
BROKER: Final = "BENCH_TASKIQ_BROKER"
RESULTS: Final = "BENCH_TASKIQ_RESULTS"


@asynccontextmanager
async def taskiq(broker: str, results: str, folder: Path) -> AsyncIterator[Side]:
    """A worker of two processes, its results in this PostgreSQL database."""
    sender = _broker(broker, results)
    work: AsyncKicker[[], float] = AsyncKicker(WORK, sender, {})

    async def all_of_them() -> None:
        waiting = iter(range(CYCLES))

        async def call() -> None:
            for _ in waiting:
                await work.kiq()

        await asyncio.gather(*(call() for _ in range(CALLERS)))

    async def one() -> float:
        began = time.time()
        task = await work.kiq()
        worked_at: float = (await task.wait_result(check_interval=0.05, timeout=60)).return_value
        return (worked_at - began) * 1000

    worker = ("taskiq", "worker", "bench.cycles.with_taskiq:serving", "--workers=2", "--ack-type=when_saved")
    await sender.startup()
    try:
        async with (
            at_work(folder, *worker, "--log-level=WARNING", **{BROKER: broker, RESULTS: results}),
            counting(results.replace("postgresql:", "postgresql+asyncpg:", 1), "taskiq_results") as stored,
        ):
            await one()
            yield Side(all_of_them, stored, one)
    finally:
        await sender.shutdown()


def serving() -> AioPikaBroker:
    """The broker as its worker wants it."""
    broker = _broker(os.environ[BROKER], os.environ[RESULTS])
    broker.register_task(_work, task_name=WORK)
    return broker


def _broker(url: str, results: str) -> AioPikaBroker:
    queues = [Queue(name="taskiq", type=QueueType.CLASSIC)]
    buried = Queue(name="taskiq.buried", type=QueueType.CLASSIC)
    backend: AsyncpgResultBackend[float] = AsyncpgResultBackend(results)
    broker = AioPikaBroker(url, qos=PREFETCH, task_queues=queues, dead_letter_queue=buried)
    return broker.with_result_backend(backend)


async def _work() -> float:
    """When it was worked on."""
    return time.time()
