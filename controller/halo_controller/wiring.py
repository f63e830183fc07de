"""What a controller is made of, and what runs in it: read this first."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from halo_controller.inbox import Inbox
from halo_controller.publisher import Publisher
from halo_controller.reconciler import Reconciler
from halo_controller.requests import Answerer
from halo_controller.scheduler import Scheduler
from halo_controller.store import agents, tenants
from halo_controller.store.database import Database
from halo_shared.clock import Clock
from halo_shared.messages.events import EVENTS
from halo_shared.messages.requests import REQUESTS
from halo_shared.topology import (
    EVENTS_QUEUE,
    EXCHANGES,
    FIXED_QUEUES,
    REQUESTS_QUEUE,
    agent_queue,
    jobs_queue,
)
from halo_shared.transport import Transport
from halo_shared.transport.consuming import serve


@dataclass(frozen=True, slots=True)
class Controller:
    """The parts that others need hold of: the API, and tests."""

    database: Database
    transport: Transport
    publisher: Publisher
    clock: Clock


@asynccontextmanager
async def running(database: Database, transport: Transport, clock: Clock) -> AsyncIterator[Controller]:
    """A controller at work: every loop runs until the block is left."""
    publisher = Publisher(database, transport, clock)
    scheduler = Scheduler(database, publisher.wake, clock)
    reconciler = Reconciler(database, publisher.wake, clock)
    answerer = Answerer(database, publisher, clock)
    inbox = Inbox(database, clock)

    await declare_topology(database, transport)
    async with asyncio.TaskGroup() as loops:
        tasks = [
            loops.create_task(scheduler.run(), name="scheduler"),
            loops.create_task(publisher.run(), name="publisher"),
            loops.create_task(
                serve(transport, REQUESTS_QUEUE, REQUESTS, answerer.answer, prefetch=50), name="requests"
            ),
            loops.create_task(serve(transport, EVENTS_QUEUE, EVENTS, inbox.take, prefetch=200), name="inbox"),
            loops.create_task(reconciler.run(), name="reconciler"),
        ]
        try:
            yield Controller(database, transport, publisher, clock)
        finally:
            for task in tasks:
                task.cancel()


async def declare_topology(database: Database, transport: Transport) -> None:
    """Make every exchange and queue exist, also those of groups and agents that were added earlier."""
    async with database.read() as db:
        groups = await tenants.every_group(db)
        known = await agents.every(db)
    await transport.declare(
        *EXCHANGES,
        *FIXED_QUEUES,
        *(jobs_queue(group.name) for group in groups),
        *(agent_queue(agent.name) for agent in known),
    )
