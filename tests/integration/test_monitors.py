"""Monitors on a real broker: a queue and an account of their own, bounded, and limited to what they may hear."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPError

from halo_controller.errors import Conflict, NotFound
from halo_controller.monitors.broker import Monitors, open_monitors
from halo_controller.monitors.nouns import Admitted, Monitor, NewMonitor
from halo_controller.store.database import open_database
from halo_sandbox.services.rabbitmq import GivenRabbitMQ, PrivateRabbitMQ
from halo_shared.errors import BrokerUnavailable
from halo_shared.messages.codec import seal
from halo_shared.messages.events import Level
from halo_shared.topology import EVENTS, EVENTS_QUEUE, EXCHANGES, FIXED_QUEUES, to_monitors
from halo_shared.transport.amqp import AmqpTransport
from halo_shared.transport.memory import MemoryTransport
from tests.support.builders import Attempted, logged, tenant_spec
from tests.support.loki import loki
from tests.support.rest import Api, an_api
from tests.support.webhooks import a_closed_port

EXAMPLES: Final = Path(__file__).parents[2] / "docs" / "examples"
PATIENCE: Final = 60.0
ACME, GLOBEX = Attempted(), Attempted(tenant="globex")


@pytest.fixture
async def transport(broker_url: str) -> AsyncIterator[AmqpTransport]:
    async with AmqpTransport(broker_url, name="test") as transport:
        await transport.declare(*EXCHANGES, *FIXED_QUEUES)
        yield transport


@pytest.fixture
async def monitors(
    shared_broker: PrivateRabbitMQ | GivenRabbitMQ, broker_url: str, transport: AmqpTransport
) -> AsyncIterator[Monitors]:
    private = isinstance(shared_broker, PrivateRabbitMQ)
    port = shared_broker.node.management_port if private else 15672  # type: ignore[union-attr]  # it is private
    async with open_monitors(broker_url, f"http://127.0.0.1:{port}") as monitors:
        yield monitors
        for one in await monitors.every():
            await monitors.remove(one.name)


async def say(
    transport: AmqpTransport, *texts: str, of: Attempted = ACME, level: Level = Level.ERROR
) -> None:
    for text in texts:
        event = logged(of, text).model_copy(update={"level": level})
        await transport.publish(seal(event, message_id=str(event.id)), to_monitors(event))


async def heard(command: Sequence[str], *texts: str) -> str:
    """What the listener has printed, once these texts are in it."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed = ""
    try:
        async with asyncio.timeout(PATIENCE):
            assert process.stdout
            while not all(text in printed for text in texts):
                line = (await process.stdout.readline()).decode()
                assert line, f"it ended: {printed}"
                printed += line
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    return printed


async def seen(monitors: Monitors, **wanted: int) -> Monitor:
    """The only monitor, once the broker's statistics say this of it; they come every few seconds."""
    async with asyncio.timeout(PATIENCE):
        while True:
            (one,) = await monitors.every()
            if wanted.items() <= one.model_dump().items():
                return one
            await asyncio.sleep(0.2)


async def added(monitors: Monitors, **wanted: object) -> Admitted:
    return await monitors.add(NewMonitor.model_validate({"name": "desk", "tenant": "acme"} | wanted))


@pytest.mark.parametrize("listener", [[sys.executable, "watch_events.py"], ["sh", "watch_events.sh"]])
async def test_a_listener_hears_its_tenant_at_its_level_and_nothing_else(
    monitors: Monitors, transport: AmqpTransport, listener: list[str]
) -> None:
    admitted = await added(monitors, level="warning")
    await say(transport, "not loud enough", level=Level.INFO)
    await say(transport, "of somebody else", of=GLOBEX)
    await say(transport, "the disk is full", "and so is the other")

    program, example = listener
    printed = await heard(
        [program, str(EXAMPLES / example), admitted.url, admitted.queue], "the disk is full", "the other"
    )

    assert "error acme/people the disk is full" in printed
    assert "not loud enough" not in printed
    assert "of somebody else" not in printed
    await seen(monitors, waiting=0)


async def test_a_shipper_hands_on_what_it_hears_and_what_is_not_taken_stays(
    monitors: Monitors, transport: AmqpTransport
) -> None:
    admitted = await added(monitors, level="warning")
    async with loki() as store:
        ship = [sys.executable, str(EXAMPLES / "ship_events.py"), admitted.url, admitted.queue, store.address]
        await say(transport, "the disk is full", "and so is the other")
        store.refusals = 1
        await heard(ship, "503")
        assert store.lines == []

        await heard(ship, "shipped 2")
        assert [json.loads(line)["text"] for _, _, line in store.lines] == [
            "the disk is full",
            "and so is the other",
        ]
        labels, at, line = store.lines[0]
        assert dict(labels) == {"tenant": "acme", "integration": "people", "kind": "log", "level": "error"}
        assert int(at) // 1000 == round(
            datetime.fromisoformat(json.loads(line)["at"]).timestamp() * 1_000_000
        )
    await seen(monitors, waiting=0)


async def test_a_dead_listener_loses_its_oldest_events_is_counted_and_harms_nobody(
    monitors: Monitors, transport: AmqpTransport
) -> None:
    await added(monitors, longest=10)
    await say(transport, *(f"number {n}" for n in range(50)))

    one = await seen(monitors, waiting=10, dropped=40)
    assert (one.longest, one.consumers) == (10, 0)
    assert await transport.depth(EVENTS_QUEUE) == 50


async def test_its_account_may_do_nothing_but_read_its_queue(
    monitors: Monitors, transport: AmqpTransport
) -> None:
    admitted = await added(monitors)
    async with await aio_pika.connect(admitted.url) as connection:
        for forbidden in (_read_another_queue, _publish, _declare):
            channel = await connection.channel()
            with pytest.raises(AMQPError, match=r"ACCESS[_ ]REFUSED"):
                await forbidden(channel)


async def _read_another_queue(channel: AbstractChannel) -> None:
    await (await channel.get_queue(EVENTS_QUEUE.name, ensure=False)).get(fail=False)


async def _publish(channel: AbstractChannel) -> None:
    events = await channel.get_exchange(EVENTS.name, ensure=False)
    await events.publish(aio_pika.Message(b"{}"), "acme.people.log.error")


async def _declare(channel: AbstractChannel) -> None:
    await channel.declare_queue("mine")


async def test_a_removed_monitor_is_let_in_no_more(monitors: Monitors) -> None:
    admitted = await added(monitors)
    await monitors.remove("desk")
    assert await monitors.every() == []
    with pytest.raises(AMQPError):
        await aio_pika.connect(admitted.url)
    with pytest.raises(NotFound, match="no monitor 'desk'"):
        await monitors.remove("desk")


async def test_a_name_is_given_once_and_without_a_tenant_all_are_heard(monitors: Monitors) -> None:
    admitted = await monitors.add(NewMonitor(name="desk", level=Level.ERROR))
    assert admitted.keys == ("*.*.*.error",)
    with pytest.raises(Conflict, match="monitors remove desk"):
        await added(monitors)


async def test_a_broker_without_its_api(broker_url: str) -> None:
    async with open_monitors(broker_url, f"http://127.0.0.1:{a_closed_port()}") as monitors:
        with pytest.raises(BrokerUnavailable, match="HALO_CONTROLLER_BROKER_API_URL"):
            await monitors.every()


def test_the_url_names_the_broker_and_the_virtual_host() -> None:
    made = Monitors(None, "amqps://user:pass@broker.example:5671/halo")  # type: ignore[arg-type]  # nothing is asked
    url = urlsplit(made._url("halo-monitor-desk", "secret"))
    assert (url.scheme, url.hostname, url.port, url.path) == ("amqps", "broker.example", 5671, "/halo")


async def test_a_tenants_administrator_has_its_own_monitors_and_no_others(
    monitors: Monitors, tmp_path: Path
) -> None:
    async with (
        open_database(tmp_path / "controller.db") as database,
        an_api(database, MemoryTransport(), monitors) as operator,
    ):
        for tenant in ("acme", "globex"):
            await operator.post("/tenants", tenant_spec(tenant).model_dump(mode="json"), status=201)
        new = {"name": "jane", "role": "administrator", "tenants": ["acme"]}
        jane = Api(operator.http, (await operator.post("/tokens", new, status=201))["token"])
        await operator.post("/monitors", {"name": "theirs", "tenant": "globex"}, status=201)

        mine = await jane.post("/monitors", {"name": "mine", "tenant": "acme"}, status=201)
        await jane.refused(404, "POST", "/monitors", {"name": "spy", "tenant": "globex"})
        said = await jane.refused(403, "POST", "/monitors", {"name": "spy"})
        assert "may not add monitors that are not one tenant's own" in said
        assert [one["name"] for one in await jane.get("/monitors")] == ["mine"]
        assert [one["name"] for one in await operator.get("/monitors")] == ["mine", "theirs"]
        for name in ("theirs", "nobodys"):
            said = await jane.refused(404, "DELETE", f"/monitors/{name}")
            assert said.startswith(f"There is no monitor '{name}'.")
        await jane.delete("/monitors/mine")

        entries = await operator.get("/audit", noun="monitor")
        assert [(one["action"], one["name"], one["tenant"]) for one in entries] == [
            ("monitors.remove", "mine", "acme"),
            ("monitors.add", "mine", "acme"),
            ("monitors.add", "theirs", "globex"),
        ]
        assert urlsplit(mine["url"]).password not in json.dumps(entries)
