"""The broker's transport keeps the contract, and outlives the broker's absences."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING

import aio_pika
import httpx
import pytest
from yarl import URL

from halo_shared.errors import (
    BrokerUnavailable,
    ConfigurationError,
    CredentialRefused,
    DeliveryLost,
    PermissionMissing,
    SettingsInvalid,
    Settle,
    Unroutable,
)
from halo_shared.topology import BURIED, BURIED_QUEUE, Address, Queue, QueueKind
from halo_shared.transport import consuming
from halo_shared.transport.amqp import AmqpTransport, connection, subscription
from tests.contract.transport import (
    DIRECT,
    TO_WORK,
    TOPIC,
    WORK,
    Reasons,
    TransportContract,
    arrival,
    bodies,
    end,
    envelope,
)
from tests.support.proxy import TcpProxy, tcp_proxy

if TYPE_CHECKING:
    from halo_sandbox.services.rabbitmq import PrivateRabbitMQ


@pytest.fixture
async def transport(broker_url: str) -> AsyncIterator[AmqpTransport]:
    async with AmqpTransport(broker_url, name="test") as transport:
        yield transport


@pytest.fixture
def reasons(broker_url: str) -> Reasons:
    async def read() -> list[str]:
        async with await aio_pika.connect(broker_url) as client:
            channel = await client.channel()
            queue = await channel.get_queue(BURIED_QUEUE.name)
            found = []
            while message := await queue.get(fail=False):
                assert message.headers["x-queue"] == WORK.name
                found.append(str(message.headers["x-why"]))
            return found

    return read


@pytest.fixture
async def proxy(broker_url: str) -> AsyncIterator[TcpProxy]:
    """A line to the broker that can be cut."""
    async with tcp_proxy(broker_url) as proxy:
        yield proxy


@pytest.fixture
async def shaky(proxy: TcpProxy) -> AsyncIterator[AmqpTransport]:
    """A transport behind the proxy, with the queue WORK and the place where messages are buried."""
    async with AmqpTransport(through(proxy), name="shaky") as transport:
        await transport.declare(DIRECT, BURIED, BURIED_QUEUE, WORK)
        yield transport


def through(proxy: TcpProxy, **query: str) -> str:
    """The broker's URL by way of the proxy."""
    return str(URL(proxy.url).with_query(query))


class TestAmqpTransport(TransportContract):
    """Nothing to add: what only a broker does is below."""


class TestConnecting:
    async def test_what_it_sends_survives_the_broker_and_says_what_it_is(
        self, transport: AmqpTransport, broker_url: str
    ) -> None:
        await transport.declare(DIRECT, WORK)
        await transport.publish(envelope("kept"), TO_WORK)

        async with await aio_pika.connect(broker_url) as client:
            message = await (await (await client.channel()).get_queue(WORK.name)).get()

        assert message.delivery_mode is aio_pika.DeliveryMode.PERSISTENT
        assert (message.content_type, message.message_id, message.type) == (
            "application/json",
            "id of kept",
            "test",
        )

    async def test_a_wrong_password_is_refused(self, broker_url: str) -> None:
        url = str(URL(broker_url).with_password("not-the-password"))

        async with AmqpTransport(url, name="test") as transport:
            with pytest.raises(CredentialRefused, match="refused the user name or password") as caught:
                await transport.ready(patience=2)

        assert "not-the-password" not in str(caught.value)

    async def test_a_virtual_host_that_is_not_there_is_refused(self, broker_url: str) -> None:
        async with AmqpTransport(str(URL(broker_url).with_path("/nowhere")), name="test") as transport:
            with pytest.raises(CredentialRefused, match="no such virtual host"):
                await transport.ready(patience=2)

    async def test_a_broker_that_is_not_there_is_named_without_the_password(self) -> None:
        async with AmqpTransport("amqp://halo:hunter22@127.0.0.1:1/", name="test") as transport:
            with pytest.raises(BrokerUnavailable) as caught:
                await transport.ready(patience=0.5)

        assert transport.address == "amqp://halo:***@127.0.0.1:1/"
        assert f"{transport.address} cannot be reached" in str(caught.value)
        assert "hunter22" not in f"{caught.value} {caught.value.detail}"

    async def test_an_address_that_answers_something_else(self) -> None:
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, AmqpTransport(f"amqp://u:p@127.0.0.1:{port}/", name="test") as transport:
            with pytest.raises(BrokerUnavailable, match="cannot be reached"):
                await transport.ready(patience=0.5)

    @pytest.mark.parametrize("url", ["http://broker/", "broker", "", "amqp://u:p@host:port/", "amqp:///v"])
    def test_what_is_no_address_is_told_at_once(self, url: str) -> None:
        with pytest.raises(SettingsInvalid, match="is not the address of a broker"):
            AmqpTransport(url, name="test")

    @pytest.mark.parametrize(
        "url", ["amqp://user:pa/ss@127.0.0.1:1/", "user:pa/ss@127.0.0.1", "http://u:pa/ss@x/"]
    )
    async def test_what_is_no_address_is_not_repeated(self, url: str) -> None:
        with pytest.raises(SettingsInvalid) as caught:
            AmqpTransport(url, name="test")

        assert caught.value.__cause__ is caught.value.__context__ is None  # they would quote it
        assert "pa" not in caught.value.message.replace("password", "")

    async def test_a_host_that_is_no_name_is_told_to_all_who_wait(self) -> None:
        async with AmqpTransport("amqp://halo:hunter22@a..b/", name="test") as transport:
            with pytest.raises(SettingsInvalid, match=r"amqp://halo:\*\*\*@a\.\.b/ cannot be used"):
                await transport.ready()
            with pytest.raises(SettingsInvalid):
                async with asyncio.timeout(1), transport.consume(WORK, prefetch=1):
                    pytest.fail("it was consumed")

    async def test_what_nobody_foresaw_is_told_to_all_who_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def break_down(*_: object, **__: object) -> None:
            raise KeyError("unforeseen")

        monkeypatch.setattr(aio_pika, "connect", break_down)
        async with AmqpTransport("amqp://127.0.0.1:1/", name="test") as transport:
            with pytest.raises(KeyError, match="unforeseen"):
                await transport.ready()

    async def test_it_waits_for_a_broker_that_comes_later(self, broker_url: str, proxy: TcpProxy) -> None:
        proxy.cut()
        async with AmqpTransport(through(proxy), name="test") as transport:
            with pytest.raises(BrokerUnavailable):
                await transport.ready(patience=0.2)
            proxy.restore()
            await transport.ready()

    async def test_leaving_it_leaves_no_task_behind(self, broker_url: str) -> None:
        before = asyncio.all_tasks()

        async with AmqpTransport(broker_url, name="test") as transport:
            await transport.declare(DIRECT, WORK)
            await transport.publish(envelope(), TO_WORK)
            async with transport.consume(WORK, prefetch=1) as deliveries:
                await (await arrival(deliveries)).again(after=60)

        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before


class TestDeclaring:
    async def test_the_sentence_says_what_to_do(self, transport: AmqpTransport) -> None:
        await transport.declare(DIRECT, WORK)

        with pytest.raises(ConfigurationError, match=r"queue 'work' .* Delete it on the broker"):
            await transport.declare(Queue("work", QueueKind.QUORUM, (), "test messages"))


class TestPublishing:
    async def test_an_account_that_may_not_publish_is_told_so(
        self, transport: AmqpTransport, broker_url: str, shared_broker: "PrivateRabbitMQ"
    ) -> None:
        await transport.declare(DIRECT, WORK)

        async with AmqpTransport(await account_that_may_read(shared_broker, broker_url), name="x") as reader:
            with pytest.raises(PermissionMissing, match="exchange 'work'"):
                await reader.publish(envelope(), TO_WORK)
            assert await reader.depth(WORK) == 0

    async def test_one_lost_message_does_not_make_others_unroutable(self, transport: AmqpTransport) -> None:
        await transport.declare(DIRECT, WORK)
        wrong = transport.publish(envelope("lost"), Address("no-such-exchange", "x"))
        right = [transport.publish(envelope(str(number)), TO_WORK) for number in range(50)]

        lost, *others = await asyncio.gather(wrong, *right, return_exceptions=True)

        assert isinstance(lost, Unroutable)
        assert {type(other) for other in others} <= {type(None), BrokerUnavailable}

    async def test_it_waits_while_the_broker_is_away(self, shaky: AmqpTransport, proxy: TcpProxy) -> None:
        proxy.cut()
        await gone(shaky)
        publishing = asyncio.create_task(shaky.publish(envelope("late"), TO_WORK))
        await asyncio.sleep(0.2)
        assert not publishing.done()

        proxy.restore()
        await publishing

        assert await bodies(shaky, WORK, 1) == ["late"]

    async def test_all_who_wait_give_up_together(
        self, shaky: AmqpTransport, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection.BrokerConnection.connected, "__defaults__", (0.5,))
        proxy.cut()
        await gone(shaky)

        began = monotonic()
        heard = await asyncio.gather(
            *(shaky.publish(envelope(), TO_WORK) for _ in range(20)), return_exceptions=True
        )

        assert {type(error) for error in heard} == {BrokerUnavailable}
        assert monotonic() - began < 3

    async def test_a_broker_that_falls_silent_cancels_nobody(self, broker_url: str, proxy: TcpProxy) -> None:
        async with AmqpTransport(through(proxy, heartbeat="1"), name="test") as transport:
            await transport.declare(DIRECT, WORK)
            await transport.publish(envelope("before"), TO_WORK)
            proxy.pause()

            with pytest.raises(BrokerUnavailable, match="fell silent"):
                await transport.publish(envelope("meanwhile"), TO_WORK)

            await gone(transport)
            proxy.restore()
            await transport.publish(envelope("after"), TO_WORK)


class TestConsuming:
    async def test_it_goes_on_after_a_lost_connection(self, shaky: AmqpTransport, proxy: TcpProxy) -> None:
        await shaky.publish(envelope("before"), TO_WORK)

        async with shaky.consume(WORK, prefetch=1) as deliveries:
            old = await arrival(deliveries)
            proxy.cut()
            await gone(shaky)
            proxy.restore()

            with pytest.raises(DeliveryLost):
                await old.done()
            same = await arrival(deliveries)
            assert (same.body, same.redelivered) == (b"before", True)
            await same.done()

            await shaky.publish(envelope("after"), TO_WORK)
            assert (await arrival(deliveries)).body == b"after"

    @pytest.mark.parametrize("verb", list(Settle))
    async def test_each_verb_says_when_the_connection_is_gone(
        self, shaky: AmqpTransport, proxy: TcpProxy, verb: Settle
    ) -> None:
        await shaky.publish(envelope("before"), TO_WORK)

        async with shaky.consume(WORK, prefetch=1) as deliveries:
            delivery = await arrival(deliveries)
            proxy.cut()
            await gone(shaky)
            proxy.restore()
            with pytest.raises(DeliveryLost):
                await end(delivery, verb)
            assert (await arrival(deliveries)).body == b"before"

    async def test_what_cannot_be_buried_for_the_moment_comes_again(
        self, shaky: AmqpTransport, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection.BrokerConnection.connected, "__defaults__", (0.5,))
        await shaky.publish(envelope("riddle"), TO_WORK)

        async with shaky.consume(WORK, prefetch=1) as deliveries:
            delivery = await arrival(deliveries)
            proxy.cut()
            await gone(shaky)
            await consuming.settle(delivery, Settle.BURY, why="because")
            proxy.restore()

            assert (await arrival(deliveries)).body == b"riddle"

    async def test_what_was_handed_out_on_a_lost_connection_is_not_handled_twice(
        self, shaky: AmqpTransport, proxy: TcpProxy
    ) -> None:
        for number in range(3):
            await shaky.publish(envelope(str(number)), TO_WORK)

        async with shaky.consume(WORK, prefetch=3) as deliveries:
            await arrival(deliveries)  # the other two wait in our memory
            proxy.cut()
            await gone(shaky)
            proxy.restore()

            again = [await arrival(deliveries) for _ in range(3)]

            assert [delivery.body for delivery in again] == [b"0", b"1", b"2"]
            for delivery in again:
                await delivery.done()

    async def test_waiting_for_its_turn_across_a_lost_connection(
        self, shaky: AmqpTransport, proxy: TcpProxy
    ) -> None:
        await shaky.publish(envelope("later"), TO_WORK)

        async with shaky.consume(WORK, prefetch=1) as deliveries:
            await (await arrival(deliveries)).again(after=0.3)
            proxy.cut()
            await gone(shaky)
            await asyncio.sleep(0.4)  # its turn comes while nobody is connected
            proxy.restore()

            assert (await arrival(deliveries)).body == b"later"

    async def test_a_watchers_queue_is_made_anew(self, shaky: AmqpTransport, proxy: TcpProxy) -> None:
        own = Queue("watch", QueueKind.OWN, (Address(TOPIC.name, "#"),), "test messages")
        await shaky.declare(TOPIC)

        async with shaky.consume(own, prefetch=1) as deliveries:
            waiting = asyncio.create_task(arrival(deliveries))
            proxy.cut()
            await gone(shaky)
            proxy.restore()
            async with asyncio.timeout(20):
                while await shaky.depth(own) is None:  # noqa: ASYNC110  # the broker tells nobody of a new queue
                    await asyncio.sleep(0.05)
            await shaky.publish(envelope("seen"), Address(TOPIC.name, "a"))

            assert (await waiting).body == b"seen"

    async def test_a_watchers_queue_that_is_locked_is_waited_for(
        self, transport: AmqpTransport, broker_url: str
    ) -> None:
        own = Queue("watch", QueueKind.OWN, (), "test messages")

        async with (
            AmqpTransport(broker_url, name="other") as other,
            watching(other, own) as enough,
        ):
            second = asyncio.create_task(enter(transport, own))
            await asyncio.sleep(0.2)
            assert not second.done()
            enough.set()
            await asyncio.wait_for(second, 20)

    async def test_deleting_the_queue_ends_consuming_with_an_error(
        self, transport: AmqpTransport, broker_url: str
    ) -> None:
        await transport.declare(DIRECT, WORK)

        async with transport.consume(WORK, prefetch=1) as deliveries:
            async with await aio_pika.connect(broker_url) as client:
                await (await client.channel()).queue_delete(WORK.name)
            with pytest.raises(Unroutable, match="There is no queue 'work' on the broker"):
                await arrival(deliveries)

    async def test_a_queue_that_was_lost_is_waited_for_and_consumed_again(
        self, transport: AmqpTransport, broker_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(subscription, "_MISSING_AGAIN_AFTER", 0.05)
        await transport.declare(DIRECT, WORK)

        async with transport.consume(WORK, prefetch=1, patience=60) as deliveries:
            async with await aio_pika.connect(broker_url) as client:
                await (await client.channel()).queue_delete(WORK.name)
            arriving = asyncio.create_task(arrival(deliveries))
            await asyncio.sleep(0.3)
            assert not arriving.done()
            await transport.declare(DIRECT, WORK)
            await transport.publish(envelope("after"), TO_WORK)
            delivery = await arriving
            assert delivery.body == b"after"
            await delivery.done()

    async def test_leaving_a_broker_that_hangs_does_not_hang(
        self, broker_url: str, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection, "CLOSE_TIMEOUT", 0.3)

        async with AmqpTransport(through(proxy), name="test") as transport:
            await transport.declare(DIRECT, WORK)
            async with transport.consume(WORK, prefetch=1):
                proxy.pause()
                began = monotonic()

        assert monotonic() - began < 8


async def account_that_may_read(broker: "PrivateRabbitMQ", url: str) -> str:
    """The URL of a new user who may read everything in this virtual host and nothing else."""
    vhost = URL(url).path.removeprefix("/")
    node = broker.node
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{node.management_port}/api",
        auth=(URL(node.url()).user or "", node.password),
        trust_env=False,
    ) as management:
        user = {"password": "reader", "tags": ""}
        (await management.put("/users/reader", json=user)).raise_for_status()
        rights = {"configure": "^$", "write": "^$", "read": ".*"}
        (await management.put(f"/permissions/{vhost}/reader", json=rights)).raise_for_status()
    return str(URL(url).with_user("reader").with_password("reader"))


@asynccontextmanager
async def watching(transport: AmqpTransport, queue: Queue) -> AsyncIterator[asyncio.Event]:
    """Consume a queue until the event is set."""
    enough, consumed = asyncio.Event(), asyncio.Event()

    async def watch() -> None:
        async with transport.consume(queue, prefetch=1):
            consumed.set()
            await enough.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(watch())
        await consumed.wait()
        yield enough


async def enter(transport: AmqpTransport, queue: Queue) -> None:
    """Consume a queue for a moment."""
    async with transport.consume(queue, prefetch=1):
        pass


async def gone(transport: AmqpTransport) -> None:
    """Return when the transport has noticed that its connection is lost."""
    async with asyncio.timeout(20):
        while True:
            try:
                await transport.ready(patience=0)
            except BrokerUnavailable:
                return
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def _quiet_library(caplog: pytest.LogCaptureFixture) -> None:
    """The library tells of each lost connection at length; here they are lost on purpose."""
    caplog.set_level(logging.CRITICAL, logger="aiormq")
