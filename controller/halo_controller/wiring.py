"""What a controller is made of, and what runs in it: read this first."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from halo_controller.declarer import Declarer
from halo_controller.forgetting import Forgetter
from halo_controller.hearing import Hearing
from halo_controller.inbox import Inbox
from halo_controller.incidents.deadman import DeadMansSwitch
from halo_controller.incidents.watch import Watch
from halo_controller.monitors.broker import Monitors
from halo_controller.notifications.notifier import Notifier
from halo_controller.notifications.postroom import Postroom
from halo_controller.notifications.sender import Sender
from halo_controller.publisher import Publisher
from halo_controller.reconciler import Reconciler
from halo_controller.requests import Answerer
from halo_controller.runlog.retention import Janitor
from halo_controller.scheduler import Scheduler
from halo_controller.store.database import Database
from halo_shared.clock import Clock
from halo_shared.messages.events import EVENTS
from halo_shared.messages.requests import REQUESTS
from halo_shared.topology import EVENTS_QUEUE, REQUESTS_QUEUE
from halo_shared.transport import Transport
from halo_shared.transport.consuming import serve, serve_batches

MOMENT: Final = 3.0
EVENTS_AT_ONCE: Final = 500
"""Events that are stored in one transaction, as far as so many have arrived."""


class Loop(Protocol):
    """A part of the controller that works until it is cancelled."""

    async def run(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Controller:
    """The parts that others need hold of: the API, and tests."""

    database: Database
    transport: Transport
    publisher: Publisher
    clock: Clock
    monitors: Monitors | None = None
    """None over a broker in memory, to which nobody else can listen."""


@asynccontextmanager
async def running(
    database: Database,
    transport: Transport,
    clock: Clock,
    *,
    postroom: Postroom | None = None,
    watchdog_url: str | None = None,
    monitors: Monitors | None = None,
) -> AsyncIterator[Controller]:
    """A controller at work: every loop runs until the block is left. Without a postroom messages are only written."""
    publisher = Publisher(database, transport, clock)
    scheduler = Scheduler(database, publisher.wake, clock)
    hearing = Hearing(transport, clock)
    reconciler = Reconciler(database, publisher.wake, hearing.heard_for, clock)
    answerer = Answerer(database, publisher, hearing, clock)
    inbox = Inbox(database, clock)
    declarer = Declarer(database, transport, clock)
    watch = Watch(database, transport, clock)
    notifier = Notifier(database, clock)
    janitor = Janitor(database, clock)
    outward: list[Loop] = [
        *([Sender(database, postroom, clock)] if postroom else []),
        *([DeadMansSwitch(watchdog_url, database, transport, clock)] if watchdog_url else []),
    ]
    requests = partial(
        serve, transport, REQUESTS_QUEUE, REQUESTS, answerer.answer, prefetch=50, foreign=answerer.refuse
    )
    events = partial(serve_batches, transport, EVENTS_QUEUE, EVENTS, inbox.take, prefetch=EVENTS_AT_ONCE)

    async with asyncio.TaskGroup() as loops:
        tasks = [
            loops.create_task(declarer.run(), name="topology"),
            loops.create_task(scheduler.run(), name="scheduler"),
            loops.create_task(publisher.run(), name="publisher"),
            loops.create_task(_after(declarer.declared, requests), name="requests"),
            loops.create_task(_after(declarer.declared, events), name="inbox"),
            loops.create_task(_after(declarer.declared, hearing.run), name="hearing"),
            loops.create_task(reconciler.run(), name="reconciler"),
            loops.create_task(watch.run(), name="watch"),
            loops.create_task(notifier.run(), name="notifier"),
            loops.create_task(janitor.run(), name="janitor"),
            loops.create_task(Forgetter(database, clock).run(), name="forgetter"),
            *(loops.create_task(loop.run(), name=type(loop).__name__) for loop in outward),
        ]
        try:
            await _soon(declarer.declared)
            yield Controller(database, transport, publisher, clock, monitors)
        finally:
            for task in tasks:
                task.cancel()


async def _after(ready: asyncio.Event, loop: Callable[[], Awaitable[None]]) -> None:
    """Begin a loop once something else is done."""
    await ready.wait()
    await loop()


async def _soon(ready: asyncio.Event) -> None:
    """Give it a moment, so that whoever comes next finds it done; a broker that is away is not waited for."""
    with suppress(TimeoutError):
        async with asyncio.timeout(MOMENT):
            await ready.wait()
