"""Real agents in this process whose runs have nothing to do: `python -m bench.crew URL FOLDER SLOTS NAME...`."""

import asyncio
import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import uuid4

from halo_agent import connectors
from halo_agent.attempts import Attempts
from halo_agent.leases import Lease, Leases
from halo_agent.reporter import Ending, EventReporter, Reports
from halo_agent.sender import Sender
from halo_agent.session import Session, introduce
from halo_agent.store.outbox import Outbox, open_outbox
from halo_agent.worker import Worker
from halo_shared import logs
from halo_shared.clock import SystemClock
from halo_shared.entities import EntityKind
from halo_shared.messages.requests import ConnectorSpec
from halo_shared.redaction import Redactor
from halo_shared.runs import RunStatus, Tally
from halo_shared.transport.amqp import AmqpTransport

SPOOL: Final = 100_000


async def crew(url: str, folder: Path, slots: int, names: list[str]) -> None:
    """Be these agents until cancelled: each has its connection and its session, and one spool serves all of them."""
    async with (
        open_outbox(folder / f"{names[0]}.db", SPOOL) as outbox,
        AmqpTransport(url, name=f"spool of {names[0]}") as transport,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(Sender(outbox, transport, SystemClock()).run())
        known = connectors.announced()
        for name in names:
            group.create_task(_agent(url, name, slots, known, outbox))


async def _agent(url: str, name: str, slots: int, known: Sequence[ConnectorSpec], outbox: Outbox) -> None:
    clock, redactor = SystemClock(), Redactor()
    async with AmqpTransport(url, name=name) as transport, asyncio.TaskGroup() as group:
        hello = introduce(name, uuid4(), version="0.1.0", slots=slots, connectors=known)
        leases = Leases(name, hello.session, transport, clock)
        session = Session(hello, transport, leases, outbox, clock)
        reports = Reports(name, outbox, clock, redactor)
        worker = Worker(transport, leases, Attempts(leases, _succeed, reports.of, redactor), slots)
        session.tell(worker.doing)
        session.on_drain(worker.rest)
        session.on_offer(worker.offered)
        group.create_task(session.listen())
        group.create_task(session.beat())
        await worker.run((await session.welcomed()).group)


async def _succeed(_lease: Lease, _reporter: EventReporter) -> Ending:
    return Ending(RunStatus.SUCCEEDED, {EntityKind.USERS: Tally(read=1, unchanged=1)})


if __name__ == "__main__":
    logs.configure(Redactor(), level="warning")
    address, place, room, *all_names = sys.argv[1:]
    gc.disable()  # one collection looks at the objects of a thousand, which in life are each in a process of its own
    asyncio.run(crew(address, Path(place), int(room), all_names))
