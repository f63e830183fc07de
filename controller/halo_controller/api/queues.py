"""Asking the broker about queues without waiting long for it: people wait for the answer."""

import asyncio
from collections.abc import Sequence
from typing import Final

from halo_controller.wiring import Controller
from halo_shared import logs
from halo_shared.errors import HaloIntegratorError
from halo_shared.topology import Queue

log = logs.get(__name__)

PATIENCE: Final = 3.0
_AT_ONCE: Final = 20
"""Questions under way at the same time; each takes a channel."""


async def declare(controller: Controller, queue: Queue) -> str:
    """Make the queue exist; answers with what is to be done when the broker is away, else nothing."""
    try:
        async with asyncio.timeout(PATIENCE):
            await controller.transport.declare(queue)
    except (HaloIntegratorError, TimeoutError) as error:
        log.warning("queue_declared_later", queue=queue.name, why=str(error) or "no answer in time")
        return (
            f"The broker is away; the controller makes the queue '{queue.name}' within minutes of its return."
        )
    return ""


async def depths(controller: Controller, queues: Sequence[Queue]) -> dict[str, int | None] | None:
    """How many messages wait in each queue, None for a queue that is missing; None when the broker is away."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def depth(queue: Queue) -> int | None:
        async with slots:
            return await controller.transport.depth(queue)

    try:
        async with asyncio.timeout(PATIENCE):
            found = await asyncio.gather(*(depth(queue) for queue in queues))
    except (HaloIntegratorError, TimeoutError):
        return None
    return {queue.name: count for queue, count in zip(queues, found, strict=True)}
