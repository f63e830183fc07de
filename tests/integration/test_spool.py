"""What an agent could not say while it was cut off arrives later: in order, once, whatever happens on the way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select

from halo_agent.sender import Sender
from halo_agent.store.outbox import open_outbox
from halo_controller.inbox import Inbox
from halo_controller.store import integrations, runs, tenants
from halo_controller.store.database import Database, open_database
from halo_controller.store.tables import events
from halo_shared.clock import SystemClock
from halo_shared.messages.events import EVENTS, Event
from halo_shared.topology import EVENTS as EXCHANGE
from halo_shared.topology import EVENTS_QUEUE
from halo_shared.transport.amqp import AmqpTransport
from halo_shared.transport.consuming import serve_batches
from tests.support.builders import NOW, integration_spec, logged, tenant_spec
from tests.support.nouns import running
from tests.support.proxy import TcpProxy, tcp_proxy

MANY = 100_000

pytestmark = pytest.mark.timeout(1_200)


@pytest.fixture
async def proxy(broker_url: str) -> AsyncIterator[TcpProxy]:
    """The agent's line to the broker."""
    async with tcp_proxy(broker_url) as proxy:
        yield proxy


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(tmp_path / "controller.db") as database:
        yield database


async def test_what_was_spooled_while_cut_off_is_stored_in_order_and_once(
    broker_url: str, proxy: TcpProxy, database: Database, tmp_path: Path
) -> None:
    run = running()
    async with database.write() as db:
        await tenants.add(db, tenant_spec(), NOW)
        await integrations.add(db, run.tenant, integration_spec(), NOW)
        await runs.add(db, run)
    said = []
    clock, inbox, arrived = SystemClock(), Inbox(database, SystemClock()), _Arrived()
    async with (
        AmqpTransport(broker_url, name="controller") as centre,
        AmqpTransport(proxy.url, name="agent") as line,
        open_outbox(tmp_path / "spool.db", limit=MANY) as outbox,
    ):
        await centre.declare(EXCHANGE, EVENTS_QUEUE)
        for number in range(MANY):
            event = logged(run, f"Line {number}.")
            await outbox.put(event)
            said.append(event.id)

        async def take(*some: Event) -> None:
            await inbox.take(*some)
            arrived.note(*some)

        listening = asyncio.create_task(
            serve_batches(centre, EVENTS_QUEUE, EVENTS, take, prefetch=500), name="inbox"
        )
        sending = asyncio.create_task(Sender(outbox, line, clock).run(), name="sender")
        # In the middle of a group: some of it is confirmed, some lies in the broker and nobody knows.
        for number in (MANY // 20, MANY // 2):
            await _until(partial(arrived.reached, number))
            proxy.cut()
            proxy.restore()
        await _until(lambda: not outbox.waiting and arrived.reached(MANY))
        for task in (sending, listening):
            task.cancel()
        await asyncio.gather(sending, listening, return_exceptions=True)

    async with database.read() as db:
        assert await db.scalar(select(func.count()).select_from(events)) == MANY
    assert list(arrived.first) == said


class _Arrived:
    """The events that came, each in the place where it came first."""

    def __init__(self) -> None:
        self.first: dict[object, None] = {}

    def note(self, *some: Event) -> None:
        """These are stored."""
        self.first.update(dict.fromkeys(event.id for event in some))

    def reached(self, number: int) -> bool:
        """Whether so many different ones have come."""
        return len(self.first) >= number


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(1_000):
        while not condition():  # noqa: ASYNC110 - two programs make it so; there is no event to wait for
            await asyncio.sleep(0.02)
