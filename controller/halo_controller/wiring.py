"""What a controller is made of, and what runs in it: read this first."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from halo_controller.declarer import Declarer
from halo_controller.forgetting import Forgetter
from halo_controller.hearing import Hearing
from halo_controller.hosting.usher import Usher
from halo_controller.inbox import Inbox
from halo_controller.incidents.deadman import DeadMansSwitch, Watcher
from halo_controller.incidents.watch import Watch
from halo_controller.leading import Leading
from halo_controller.monitors.broker import Monitors
from halo_controller.notifications.notifier import Notifier
from halo_controller.notifications.postroom import Postroom
from halo_controller.notifications.returns import Returns
from halo_controller.notifications.sender import Sender
from halo_controller.publisher import Publisher
from halo_controller.reconciler import Reconciler
from halo_controller.requests import Answerer
from halo_controller.runlog.retention import Janitor
from halo_controller.scheduler import Scheduler
from halo_controller.store.database import Database
from halo_controller.timekeeping import SteadyClock, Timekeeper
from halo_shared.clock import Clock
from halo_shared.messages.events import EVENTS
from halo_shared.messages.requests import REQUESTS
from halo_shared.topology import EVENTS_QUEUE, REQUESTS_QUEUE
from halo_shared.transport import Transport
from halo_shared.transport.consuming import serve_batches

MOMENT: Final = 3.0
EVENTS_AT_ONCE: Final = 500
"""Events that are stored in one transaction, as far as so many have arrived."""
REQUESTS_AT_ONCE: Final = 200
"""Requests that are answered in one."""


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
    watcher: Watcher | None = None,
    monitors: Monitors | None = None,
    name: str = "",
) -> AsyncIterator[Controller]:
    """A controller at work until the block is left. Without a postroom messages are only written.

    Where several share a database, only the one that leads does what `_work` says; the others serve the API and wait.
    """
    clock = SteadyClock(clock)
    keeper = Timekeeper(clock)
    publisher = Publisher(database, transport, clock)
    declarer = Declarer(database, transport, clock)
    leading = Leading(database, name, clock)

    async def work(led: Database, epoch: int) -> None:
        outward: list[Loop] = [
            *([Sender(led, postroom, clock)] if postroom else []),
            *([Returns(led, postroom.returns, clock)] if postroom and postroom.returns else []),
            *([DeadMansSwitch(watcher, led, transport, clock)] if watcher else []),
        ]
        with keeper.moving(led):
            await _work(led, transport, clock, publisher, declarer, outward, epoch=epoch)

    async with asyncio.TaskGroup() as loops:
        task = loops.create_task(leading.run(work), name="leading")
        keeping = loops.create_task(keeper.run(), name="timekeeper")
        try:
            await _soon(declarer.declared)
            yield Controller(database, transport, publisher, clock, monitors)
        finally:
            task.cancel()
            keeping.cancel()


async def _work(
    database: Database,
    transport: Transport,
    clock: Clock,
    publisher: Publisher,
    declarer: Declarer,
    outward: Sequence[Loop],
    *,
    epoch: int,
) -> None:
    """Every loop of the controller that leads, until one dies or this is cancelled."""
    hearing = Hearing(transport, clock)
    answerer = Answerer(database, publisher, hearing, clock)
    requests, events = _listeners(transport, answerer, Inbox(database, clock), epoch)
    loops: Sequence[Loop] = [
        declarer,
        publisher,
        Scheduler(database, publisher.wake, clock),
        Usher(database, publisher.wake, clock),
        Reconciler(database, publisher.wake, hearing.heard_for, clock),
        Watch(database, transport, clock),
        Notifier(database, clock),
        Janitor(database, clock),
        Forgetter(database, clock),
        *outward,
    ]
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(loop.run(), name=type(loop).__name__)
        group.create_task(_after(declarer.declared, requests), name="requests")
        group.create_task(_after(declarer.declared, events), name="inbox")
        group.create_task(_after(declarer.declared, hearing.run), name="hearing")


def _listeners(
    transport: Transport, answerer: Answerer, inbox: Inbox, epoch: int
) -> tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]:
    """What hears requests, and what hears events.

    The broker still hands messages to a leader that is frozen; the newest epoch is served before it.
    """
    return partial(
        serve_batches,
        transport,
        REQUESTS_QUEUE,
        REQUESTS,
        answerer.answer,
        prefetch=REQUESTS_AT_ONCE,
        priority=epoch,
        foreign=answerer.refuse,
    ), partial(
        serve_batches, transport, EVENTS_QUEUE, EVENTS, inbox.take, prefetch=EVENTS_AT_ONCE, priority=epoch
    )


async def _after(ready: asyncio.Event, loop: Callable[[], Awaitable[None]]) -> None:
    """Begin a loop once something else is done."""
    await ready.wait()
    await loop()


async def _soon(ready: asyncio.Event) -> None:
    """Give it a moment, so that whoever comes next finds it done; a broker that is away is not waited for."""
    with suppress(TimeoutError):
        async with asyncio.timeout(MOMENT):
            await ready.wait()
