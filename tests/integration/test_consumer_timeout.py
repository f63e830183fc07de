"""The broker's patience with a delivery ends long before a sync does; proved with a node that has little of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from halo_agent.leases import Lease
from halo_agent.reporter import Ending, EventReporter
from halo_agent.store.outbox import Outbox, open_outbox
from halo_sandbox.demo.world import until
from halo_sandbox.services import rabbitmq
from halo_sandbox.services.rabbitmq import PrivateRabbitMQ
from halo_shared.errors import DeliveryLost
from halo_shared.messages.codec import Envelope
from halo_shared.runs import RunStatus
from halo_shared.topology import jobs_queue, to_group
from halo_shared.transport.amqp import AmqpTransport
from tests.support.agent import Agents
from tests.support.builders import RUN_ID
from tests.support.controller_double import GROUP, ControllerDouble, controlling
from tests.support.services import needed

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]

PATIENCE = 3
"""Seconds for which this broker waits for an acknowledgement; by default it is half an hour."""
LONG = 4 * PATIENCE


@pytest.fixture(scope="module")
def impatient() -> Iterator[PrivateRabbitMQ]:
    settings = (f"consumer_timeout {PATIENCE * 1000}", "channel_tick_interval 1000")
    with needed(), rabbitmq.serving(settings=settings) as broker:
        yield broker


@pytest.fixture
async def transport(impatient: PrivateRabbitMQ) -> AsyncIterator[AmqpTransport]:
    async with AmqpTransport(impatient.url, name="test") as transport:
        yield transport


@pytest.fixture
async def outbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Outbox]:
    async with open_outbox(tmp_path_factory.mktemp("agent") / "spool.db", limit=1000) as outbox:
        yield outbox


@pytest.fixture
async def controller(transport: AmqpTransport) -> AsyncIterator[ControllerDouble]:
    async with controlling(transport, "one") as controller:
        yield controller


async def test_this_broker_takes_back_what_is_not_acknowledged(
    transport: AmqpTransport, controller: ControllerDouble
) -> None:
    """Else the next test would prove nothing."""
    other = jobs_queue("other")
    await transport.declare(other)
    await transport.publish(Envelope("1", "note", b"{}"), to_group("other"))

    async with transport.consume(other, prefetch=1) as deliveries:
        first = await anext(deliveries)
        second = await asyncio.wait_for(anext(deliveries), 10 * PATIENCE)  # the same, handed out again
        with pytest.raises(DeliveryLost):
            await first.done()
        await second.done()

    assert second.redelivered


async def test_a_run_that_takes_longer_is_executed_once(
    transport: AmqpTransport, controller: ControllerDouble, outbox: Outbox
) -> None:
    began: list[str] = []

    async def work(lease: Lease, _: EventReporter) -> Ending:
        began.append(lease.grant.run)
        await asyncio.sleep(LONG)
        return Ending(RunStatus.SUCCEEDED, {})

    async def over() -> bool:
        return bool(began) and agent.worker.doing() == []

    agents = Agents(transport, outbox)
    agent = await agents.start(work, slots=2)
    try:
        await controller.dispatch(RUN_ID)
        await until(over, within=10 * LONG)
    finally:
        await agents.stop()

    assert began == [RUN_ID]
    assert len(controller.asked) == 1
    assert await transport.depth(jobs_queue(GROUP)) == 0
