"""A controller taken apart: every loop's work, done when a test says so, over a real database and the memory broker."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.declarer import Declarer
from halo_controller.dispatcher import open_run
from halo_controller.hearing import Hearing
from halo_controller.inbox import Inbox
from halo_controller.nouns import Attempt, Explaining, Integration, Run, Trigger
from halo_controller.publisher import Publisher
from halo_controller.reconciler import Reconciler
from halo_controller.requests import Answerer
from halo_controller.scheduler import Scheduler
from halo_controller.store import agents, integrations, outbox, runs, tables, tenants
from halo_controller.store.database import Database, open_database
from halo_controller.store.outbox import Outgoing
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrations import IntegrationSpec
from halo_shared.messages.codec import unseal
from halo_shared.messages.commands import COMMANDS, Command, LeaseGranted
from halo_shared.messages.events import EVENTS, Event
from halo_shared.messages.jobs import SyncJob
from halo_shared.messages.requests import Echo, Request
from halo_shared.topology import Queue, agent_queue, jobs_queue
from halo_shared.transport.memory import MemoryTransport
from tests.support import builders
from tests.support.builders import REF, SESSION
from tests.support.clock import ManualClock

M = TypeVar("M")
JOBS = TypeAdapter(SyncJob)
HEARS_WELL = timedelta(days=1)
"""How long these centres have heard, as far as their reconcilers know."""


@dataclass(frozen=True, slots=True)
class Centre:
    """The parts, and short words for what tests do with them."""

    database: Database
    transport: MemoryTransport
    clock: ManualClock
    publisher: Publisher
    answerer: Answerer
    inbox: Inbox
    reconciler: Reconciler
    scheduler: Scheduler

    async def set_up(
        self, *agent_names: str, spec: IntegrationSpec | None = None, enabled: bool = True
    ) -> None:
        """Tenant acme, group site with these agents, group other without any, and acme/people; queues and all."""
        now = self.clock.now()
        async with self.database.write() as db:
            await tenants.add(db, builders.tenant_spec(), now)
            await tenants.add_group(db, "site", "", now)
            await tenants.add_group(db, "other", "", now)
            for name in agent_names:
                await agents.add(db, name, "site", now)
            await integrations.add(db, REF.tenant, spec or builders.integration_spec(), now)
            await integrations.switch(db, REF, enabled=enabled)
        await Declarer(self.database, self.transport, self.clock).declare()

    async def open(self, ref: IntegrationRef = REF, explaining: Explaining | None = None) -> Run:
        """A run that a person asked for."""
        reason, now = "a person asked for it", self.clock.now()
        async with self.database.write() as db:
            return await open_run(db, ref, Trigger.PERSON, reason, now, explaining=explaining)

    async def leased(
        self,
        name: str = "one",
        session: UUID = SESSION,
        ref: IntegrationRef = REF,
        explaining: Explaining | None = None,
    ) -> Run:
        """A new run, in the hands of this agent."""
        opened = await self.open(ref, explaining)
        await self.publisher.publish_some()
        await self.ask(builders.hello(name, session))
        (granted,) = await self.ask(builders.lease_request(opened.id, name, session))
        assert isinstance(granted, LeaseGranted)
        return await self.run(opened.id)

    async def ask(self, request: Request) -> Sequence[Command]:
        """What the agent hears when it asks this, and all it had not heard before."""
        await self.answerer.answer(request)
        await self.publisher.publish_some()
        assert not isinstance(request, Echo)
        return await self.heard(request.agent)

    @asynccontextmanager
    async def overtaking(self, tick: Coroutine[None, None, None]) -> AsyncIterator[AsyncConnection]:
        """A transaction that comes between a loop's look and its act."""
        async with self.database.write() as db:
            task = asyncio.create_task(tick)
            await asyncio.sleep(0.2)  # it looks, then waits for its turn to write
            assert not task.done()
            yield db
        await task

    async def heard(self, name: str) -> Sequence[Command]:
        """What waits in the agent's queue."""
        return await drained(self.transport, agent_queue(name), COMMANDS)

    async def jobs(self, group: str = "site") -> Sequence[SyncJob]:
        """What waits in the group's queue."""
        return await drained(self.transport, jobs_queue(group), JOBS)

    async def run(self, run_id: str) -> Run:
        """The run as it is stored now."""
        async with self.database.read() as db:
            return await runs.get(db, run_id)

    async def attempts(self, run_id: str) -> Sequence[Attempt]:
        """The attempts at it."""
        async with self.database.read() as db:
            return await runs.attempts_of(db, run_id)

    async def integration(self) -> Integration:
        """acme/people as it is stored now."""
        async with self.database.read() as db:
            return await integrations.get(db, REF)

    async def waiting(self) -> Sequence[Outgoing]:
        """The outbox."""
        async with self.database.read() as db:
            return await outbox.oldest(db, 1_000)

    async def told(self) -> Sequence[tuple[Event, bool]]:
        """Every stored event, and whether it came too late to count."""
        query = select(tables.events.c.body, tables.events.c.superseded).order_by(tables.events.c.at)
        async with self.database.read() as db:
            return [(EVENTS.validate_python(row.body), row.superseded) for row in await db.execute(query)]


@asynccontextmanager
async def a_centre(file: Path, clock: ManualClock) -> AsyncIterator[Centre]:
    """A controller over this file and a broker of its own."""
    transport = MemoryTransport()
    async with open_database(file) as database:
        publisher = Publisher(database, transport, clock)
        yield Centre(
            database,
            transport,
            clock,
            publisher,
            Answerer(database, publisher, Hearing(transport, clock), clock),
            Inbox(database, clock),
            Reconciler(database, publisher.wake, lambda: HEARS_WELL, clock),
            Scheduler(database, publisher.wake, clock),
        )


async def drained(transport: MemoryTransport, queue: Queue, family: TypeAdapter[M]) -> Sequence[M]:
    """All that waits in a queue, taken out of it."""
    waiting = await transport.depth(queue)
    if not waiting:
        return []
    messages = []
    async with transport.consume(queue, prefetch=1) as deliveries:
        async for delivery in deliveries:
            messages.append(unseal(delivery.body, family))
            await delivery.done()
            if len(messages) == waiting:
                break
    return messages
