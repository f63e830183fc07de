"""The product's side: integrations whose runs are opened, leased by real agents, and stored as succeeded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from bench.centre import Estate, controlling
from bench.cycles.side import CYCLES, Side
from bench.cycles.stores import counting
from bench.programs import at_work
from bench.specs import REF, integration, tenant
from bench.waiting import until
from halo_controller.dispatcher import open_run
from halo_controller.nouns import Trigger
from halo_controller.store import agents, events, runs
from halo_controller.wiring import Controller
from halo_shared.identifiers import IntegrationRef
from halo_shared.messages.events import Started
from halo_shared.transport.amqp import AmqpTransport

AGENTS: Final = ("office-1", "office-2")
"""Each a process of its own."""
SLOTS: Final = 25
CALLERS: Final = 8
"""How many trigger runs at the same time."""
MILLISECOND: Final = timedelta(milliseconds=1)


@asynccontextmanager
async def product(broker: str, address: Path | str, folder: Path) -> AsyncIterator[Side]:
    """The controller in this process, its agents in others."""
    specs = [integration("/nobody.csv", f"people-{number}") for number in range(CYCLES)]
    estate = Estate(tenant("https://nobody.example"), specs, AGENTS)
    refs = [IntegrationRef(REF.tenant, spec.name) for spec in specs]
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(AmqpTransport(broker, name="bench controller"))
        controller = await stack.enter_async_context(controlling(address, transport, estate))
        for name in AGENTS:
            crew = at_work(folder, "bench.crew", broker, str(folder), str(SLOTS), name)
            await stack.enter_async_context(crew)
        stored = await stack.enter_async_context(counting(driven(address), "runs", "status = 'succeeded'"))
        await until(lambda: _all_online(controller), look_every=0.1)
        yield Side(lambda: _open_all(controller, refs), stored, lambda: _delay(controller, refs[0]))


def driven(address: Path | str) -> str:
    """The address of a database with the driver that reads it here."""
    if isinstance(address, Path):
        return f"sqlite+aiosqlite:///{address}"
    return address.replace("postgresql:", "postgresql+asyncpg:", 1)


async def _all_online(controller: Controller) -> bool:
    async with controller.database.read() as db:
        return all([(await agents.get(db, name)).session for name in AGENTS])


async def _open_all(controller: Controller, refs: list[IntegrationRef]) -> None:
    """Each run in a transaction of its own, as the API opens them."""
    waiting = iter(refs)

    async def call() -> None:
        for ref in waiting:
            await _open(controller, ref)

    await asyncio.gather(*(call() for _ in range(CALLERS)))


async def _open(controller: Controller, ref: IntegrationRef) -> str:
    async with controller.database.write() as db:
        run = await open_run(db, ref, Trigger.PERSON, "it is measured", controller.clock.now())
    controller.publisher.wake()
    return run.id


async def _delay(controller: Controller, ref: IntegrationRef) -> float:
    run_id = await _open(controller, ref)

    async def ended() -> bool:
        async with controller.database.read() as db:
            return (await runs.get(db, run_id)).status.ended

    await until(ended, look_every=0.05)
    async with controller.database.read() as db:
        run, said = await runs.get(db, run_id), await events.of_run(db, run_id)
    started = next(event for event in said if isinstance(event, Started))
    return (started.at - run.queued_at) / MILLISECOND
