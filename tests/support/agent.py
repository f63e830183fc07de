"""Agents at work on a broker in memory, with a job of the test's own."""

import asyncio
from dataclasses import dataclass

from halo_agent.attempts import Attempts, RunJob
from halo_agent.leases import Leases
from halo_agent.reporter import Reports
from halo_agent.session import Session, introduce
from halo_agent.store.outbox import Outbox
from halo_agent.worker import Worker
from halo_shared.clock import SystemClock
from halo_shared.messages.codec import unseal
from halo_shared.messages.events import EVENTS, Event
from halo_shared.redaction import Redactor
from halo_shared.transport import Transport
from tests.support.builders import SESSION


async def spooled(outbox: Outbox) -> list[Event]:
    """The events that wait, in their order."""
    return [unseal(one.envelope.body, EVENTS) for one in await outbox.oldest(10_000)]


@dataclass(slots=True)
class Agent:
    """One agent's loops."""

    leases: Leases
    session: Session
    worker: Worker
    working: "asyncio.Task[None]"


class Agents:
    """Starts agents of one group, and ends those that a test leaves at work."""

    def __init__(self, transport: Transport, outbox: Outbox) -> None:
        self._transport = transport
        self._outbox = outbox
        self._tasks: list[asyncio.Task[None]] = []
        self.redactor = Redactor()

    async def start(self, run_job: RunJob, *, name: str = "one", slots: int = 1) -> Agent:
        """An agent that is welcome and takes jobs."""
        clock = SystemClock()
        hello = introduce(name, SESSION, version="0.1.0", slots=slots, connectors=[])
        leases = Leases(name, SESSION, self._transport, clock)
        session = Session(hello, self._transport, leases, self._outbox, clock)
        reports = Reports(name, self._outbox, clock, self.redactor)
        worker = Worker(self._transport, leases, Attempts(leases, run_job, reports.of, self.redactor), slots)
        session.tell(worker.doing)
        session.on_drain(worker.rest)
        session.on_offer(worker.offered)
        self._tasks += [asyncio.create_task(session.listen()), asyncio.create_task(session.beat())]
        welcome = await session.welcomed()
        working = asyncio.create_task(worker.run(welcome.group))
        self._tasks.append(working)
        return Agent(leases, session, worker, working)

    async def stop(self) -> None:
        """End whatever is still at work."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
