"""A whole controller: every loop at work, and stopped."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from halo_controller.declarer import Declarer
from halo_controller.store import agents, tables, tenants
from halo_controller.store.database import Database, open_database
from halo_controller.wiring import running
from halo_shared.exits import leaves
from halo_shared.messages.codec import seal
from halo_shared.messages.commands import COMMANDS, Welcome
from halo_shared.topology import (
    EVENTS_QUEUE,
    REQUESTS_QUEUE,
    TO_CONTROLLER,
    agent_queue,
    jobs_queue,
)
from halo_shared.transport.amqp import AmqpTransport
from halo_shared.transport.consuming import read
from halo_shared.transport.memory import MemoryTransport
from tests.support.builders import NOW, hello
from tests.support.clock import ManualClock

LOOPS = {"leading", "Declarer", "Scheduler", "Publisher", "requests", "inbox", "Reconciler"}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(tmp_path / "controller.db") as one:
        async with one.write() as db:
            await tenants.add_group(db, "site", "", NOW)
            await agents.add(db, "one", "site", NOW)
        yield one


def loops_at_work() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks()} & LOOPS


async def test_it_starts_answers_and_stops(database: Database, clock: ManualClock) -> None:
    transport = MemoryTransport()

    async with running(database, transport, clock), asyncio.timeout(5):
        assert loops_at_work() == LOOPS
        await transport.publish(seal(hello(), message_id="1"), TO_CONTROLLER)
        async with transport.consume(agent_queue("one"), prefetch=9) as deliveries:
            welcome, delivery = await anext(read(deliveries, COMMANDS))
            await delivery.done()

    assert isinstance(welcome, Welcome)
    assert loops_at_work() == set()
    assert transport.unsettled == 0


async def test_the_queues_of_all_groups_and_agents_are_there(database: Database, clock: ManualClock) -> None:
    transport = MemoryTransport()
    declarer = Declarer(database, transport, clock)

    await declarer.declare()
    await declarer.declare()

    for queue in (REQUESTS_QUEUE, EVENTS_QUEUE, jobs_queue("site"), agent_queue("one")):
        assert await transport.depth(queue) == 0


async def test_a_loop_that_dies_takes_the_controller_with_it(database: Database, clock: ManualClock) -> None:
    async def work_until_it_dies() -> None:
        async with running(database, MemoryTransport(), clock), asyncio.timeout(60):
            await clock.asleep(2)  # scheduler and reconciler have looked once
            async with database.write() as db:
                await db.run_sync(tables.runs.drop)
            await clock.advance(timedelta(seconds=3))
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        await work_until_it_dies()

    # Several loops look at runs; how many of them die before the first one's end reaches them is chance.
    faults = [str(fault) for fault in leaves(caught.value)]
    assert faults
    assert all("no such table: runs" in fault for fault in faults), faults
    assert loops_at_work() == set()


async def test_it_stops_when_its_user_fails(database: Database, clock: ManualClock) -> None:
    async def fail() -> None:
        async with running(database, MemoryTransport(), clock):
            raise ValueError("ours")

    with pytest.raises(ExceptionGroup) as caught:
        await fail()

    assert [str(error) for error in caught.value.exceptions] == ["ours"]
    assert loops_at_work() == set()


async def test_a_broker_that_is_away_keeps_no_controller_from_starting(
    database: Database, clock: ManualClock
) -> None:
    async with (
        AmqpTransport("amqp://127.0.0.1:1/", name="away") as away,
        running(database, away, clock) as controller,
    ):
        async with database.read() as db:
            assert [group.name for group in await tenants.every_group(db)] == ["site"]
        assert controller.transport is away
