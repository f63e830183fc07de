"""A queue of the topology as the broker wants it declared."""

from typing import Any

from aio_pika.abc import AbstractChannel, AbstractQueue

from halo_shared.topology import Queue, QueueKind

Arguments = dict[str, Any]  # Any: what AMQP calls a field table


async def declare_queue(channel: AbstractChannel, queue: Queue) -> AbstractQueue:
    """Make the queue exist and bind it."""
    own = queue.kind is QueueKind.OWN
    declared = await channel.declare_queue(
        queue.name, durable=not own, exclusive=own, auto_delete=own, arguments=_arguments(queue)
    )
    for binding in queue.bindings:
        await declared.bind(binding.exchange, binding.key)
    return declared


def _arguments(queue: Queue) -> Arguments:
    arguments: Arguments = {}
    if queue.kind is QueueKind.QUORUM:
        arguments["x-queue-type"] = "quorum"
    if queue.expires:
        arguments["x-message-ttl"] = int(queue.expires.total_seconds() * 1000)
    if queue.longest:
        arguments |= {"x-max-length": queue.longest, "x-overflow": "drop-head"}
    return arguments
