"""Events from an agent's outbox into the controller's database, against bare messages and bare inserts."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sqlalchemy import func, select

from bench import bare
from bench.centre import Estate, controlling
from bench.refusals import FENCE, RUN, refusals
from bench.rounds import Comparison, alternate
from bench.specs import AGENT, GROUP, REF, integration, tenant
from bench.waiting import WITHIN, until
from halo_agent.sender import Sender
from halo_agent.store.outbox import Outbox, open_outbox
from halo_controller.nouns import Run, Trigger
from halo_controller.store import runs
from halo_controller.store.tables import events
from halo_controller.wiring import Controller
from halo_sandbox.services.rabbitmq import private_rabbitmq
from halo_shared.clock import SystemClock
from halo_shared.messages.codec import seal
from halo_shared.runs import RunStatus
from halo_shared.transport.amqp import AmqpTransport

EVENTS: Final = 3_000
"""A round."""

Round = Callable[[], Awaitable[float]]
"""Sends EVENTS and says how many a second arrived."""


async def measure() -> Sequence[Comparison]:
    """Both over the same private broker, with both ends in this process."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="halo-bench-")))
        broker = await stack.enter_async_context(private_rabbitmq())
        product = await stack.enter_async_context(_product(broker.url, folder))
        peer = await stack.enter_async_context(_bare(broker.url, folder))
        ours, theirs = await alternate(product, peer)
    against = "confirm, acknowledge, one insert each"
    return [Comparison("from outbox to database", "events/s", ours, theirs, against)]


@asynccontextmanager
async def _product(url: str, folder: Path) -> AsyncIterator[Round]:
    nobody = Estate(tenant("https://nobody.example"), [integration("/nobody.csv")])
    async with (
        AmqpTransport(url, name="bench agent") as near,
        AmqpTransport(url, name="bench controller") as far,
        controlling(folder / "controller.db", far, nobody) as controller,
        open_outbox(folder / "spool.db", limit=EVENTS) as outbox,
    ):
        async with controller.database.write() as db:
            await runs.add(db, _run_under_way())
        sender = Sender(outbox, near, SystemClock())
        yield lambda: _send_all(outbox, sender, controller)


async def _send_all(outbox: Outbox, sender: Sender, controller: Controller) -> float:
    for event in refusals(EVENTS):
        await outbox.put(event)
    all_of_them = await _stored(controller) + EVENTS

    async def arrived() -> bool:
        return await _stored(controller) == all_of_them

    started = time.perf_counter()
    await sender.drain(WITHIN)
    await until(arrived, look_every=0.02)
    return EVENTS / (time.perf_counter() - started)


async def _stored(controller: Controller) -> int:
    async with controller.database.read() as db:
        return await db.scalar(select(func.count()).select_from(events)) or 0


@asynccontextmanager
async def _bare(url: str, folder: Path) -> AsyncIterator[Round]:
    """The same bytes."""
    async with bare.inserts(url, folder / "bare.db") as through:

        async def send_all() -> float:
            bodies = [seal(event, message_id=str(event.id)).body for event in refusals(EVENTS)]
            started = time.perf_counter()
            await through(bodies)
            return EVENTS / (time.perf_counter() - started)

        yield send_all


def _run_under_way() -> Run:
    """The run that is spoken of, so that what is said of it counts."""
    return Run(
        id=RUN,
        tenant=REF.tenant,
        integration=REF.name,
        group=GROUP,
        agent=AGENT,
        status=RunStatus.RUNNING,
        trigger=Trigger.PERSON,
        reason="it is measured",
        fence=FENCE,
        attempt=1,
        queued_at=datetime.now(UTC),
    )
