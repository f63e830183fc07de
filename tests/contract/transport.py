"""What every transport must keep; subclass it with the fixtures of one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from pydantic import TypeAdapter

from halo_shared.errors import (
    Cancelled,
    ConfigurationError,
    DeliveryLost,
    PermissionMissing,
    RecordRefused,
    Settle,
    SourceUnavailable,
    Unreadable,
    Unroutable,
)
from halo_shared.messages.base import Message
from halo_shared.messages.codec import Envelope, seal
from halo_shared.topology import (
    BURIED,
    BURIED_QUEUE,
    Address,
    Exchange,
    ExchangeKind,
    Queue,
    QueueKind,
)
from halo_shared.transport import Delivery, Transport, consuming
from tests.support.clock import eventually

DIRECT = Exchange("work", ExchangeKind.DIRECT, "test messages")
TOPIC = Exchange("news", ExchangeKind.TOPIC, "test messages")
FANOUT = Exchange("all", ExchangeKind.FANOUT, "test messages")
TO_WORK = Address(DIRECT.name, "job")
WORK = Queue("work", QueueKind.CLASSIC, (TO_WORK,), "test messages")
NOTHING_COMES = 0.3
"""Seconds after which a test believes that no message is on its way."""

LAST = "the last message"

Reasons = Callable[[], Awaitable[list[str]]]


class Note(Message):
    """A message of these tests."""

    text: str


NOTES = TypeAdapter(Note)


class TransportContract:
    """A module that subclasses this brings two fixtures.

    `transport` is connected and has nothing declared; `reasons` reads why each message lies in `buried`, by
    another way than through the transport.
    """

    @pytest.fixture
    async def work(self, transport: Transport) -> Transport:
        """The transport with the queue WORK and the place where messages are buried."""
        await transport.declare(DIRECT, BURIED, BURIED_QUEUE, WORK)
        return transport

    # publishing and routing

    async def test_a_message_arrives_as_it_was_sent(self, work: Transport) -> None:
        await work.publish(envelope("héllo ✓"), TO_WORK)

        async with work.consume(WORK, prefetch=1) as deliveries:
            delivery = await arrival(deliveries)
            assert (delivery.body.decode(), delivery.queue, delivery.redelivered) == (
                "héllo ✓",
                "work",
                False,
            )
            await delivery.done()

    async def test_what_a_message_belongs_to_arrives_with_it_also_a_second_time(
        self, work: Transport
    ) -> None:
        traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        await work.publish(replace(envelope(), traceparent=traceparent), TO_WORK)
        await work.publish(envelope(), TO_WORK)

        async with work.consume(WORK, prefetch=1) as deliveries:
            delivery = await arrival(deliveries)
            assert delivery.traceparent == traceparent
            await delivery.again()
            delivery = await arrival(deliveries)
            assert (delivery.traceparent, delivery.redelivered) == (traceparent, True)
            await delivery.done()
            delivery = await arrival(deliveries)
            assert delivery.traceparent is None
            await delivery.done()

    async def test_messages_arrive_in_order(self, work: Transport) -> None:
        for number in range(5):
            await work.publish(envelope(str(number)), TO_WORK)

        assert await bodies(work, WORK, 5) == ["0", "1", "2", "3", "4"]

    async def test_a_direct_exchange_goes_by_the_whole_key(self, transport: Transport) -> None:
        one, other = direct_queue("one"), direct_queue("other")
        await transport.declare(DIRECT, one, other)

        await transport.publish(envelope("for one"), Address(DIRECT.name, "one"))

        assert await depths(transport, one, other) == [1, 0]

    @pytest.mark.parametrize(
        ("pattern", "matches"),
        [
            ("acme.people.finished.error", True),
            ("acme.*.*.error", True),
            ("acme.#", True),
            ("#", True),
            ("#.error", True),
            ("*.people.#", True),
            ("acme.#.people.finished.error", True),
            ("*.*.*", False),
            ("acme.*", False),
            ("acme", False),
            ("other.#", False),
            ("acme.people.finished.error.*", False),
        ],
    )
    async def test_a_topic_exchange_goes_by_words(
        self, transport: Transport, pattern: str, matches: bool
    ) -> None:
        all_of_it = Queue("all", QueueKind.CLASSIC, (Address(TOPIC.name, "#"),), "test messages")
        chosen = Queue("chosen", QueueKind.CLASSIC, (Address(TOPIC.name, pattern),), "test messages")
        await transport.declare(TOPIC, all_of_it, chosen)

        await transport.publish(envelope(), Address(TOPIC.name, "acme.people.finished.error"))

        assert await depths(transport, all_of_it, chosen) == [1, int(matches)]

    async def test_two_matching_bindings_bring_one_copy(self, transport: Transport) -> None:
        twice = Queue(
            "twice",
            QueueKind.CLASSIC,
            (Address(TOPIC.name, "#"), Address(TOPIC.name, "a.*")),
            "test messages",
        )
        await transport.declare(TOPIC, twice)

        await transport.publish(envelope(), Address(TOPIC.name, "a.b"))

        assert await transport.depth(twice) == 1

    async def test_a_fanout_exchange_ignores_the_key(self, transport: Transport) -> None:
        queues = [
            Queue(name, QueueKind.CLASSIC, (Address(FANOUT.name, ""),), "test messages") for name in "ab"
        ]
        await transport.declare(FANOUT, *queues)

        await transport.publish(envelope(), Address(FANOUT.name, "anything"))

        assert await depths(transport, *queues) == [1, 1]

    @pytest.mark.parametrize("to", [Address(DIRECT.name, "nobody"), Address("no-such-exchange", "job")])
    async def test_what_reaches_no_queue_is_an_error(self, work: Transport, to: Address) -> None:
        with pytest.raises(Unroutable, match=f"{to.exchange}/{to.key}"):
            await work.publish(envelope(), to)

        await work.publish(envelope(), TO_WORK)  # and the next one is none the worse for it
        assert await work.depth(WORK) == 1

    async def test_a_thousand_at_once(self, work: Transport) -> None:
        sent = {str(number) for number in range(1_000)}

        await asyncio.gather(*(work.publish(envelope(text), TO_WORK) for text in sent))

        assert set(await bodies(work, WORK, 1_000)) == sent

    async def test_of_many_at_once_only_the_one_that_nobody_receives_fails(self, work: Transport) -> None:
        sent = [str(number) for number in range(100)]
        nowhere = Address(DIRECT.name, "nobody")

        said = await asyncio.gather(
            *(work.publish(envelope(text), nowhere if text == "50" else TO_WORK) for text in sent),
            return_exceptions=True,
        )

        assert [text for text, what in zip(sent, said, strict=True) if what] == ["50"]
        assert isinstance(said[50], Unroutable)
        assert await bodies(work, WORK, 99) == [text for text in sent if text != "50"]

    # declaring

    async def test_declaring_again_changes_nothing(self, work: Transport) -> None:
        await work.publish(envelope(), TO_WORK)

        await work.declare(DIRECT, BURIED, BURIED_QUEUE, WORK)

        assert await work.depth(WORK) == 1

    @pytest.mark.parametrize(
        "other",
        [
            Queue("work", QueueKind.QUORUM, (), "test messages"),
            Queue("work", QueueKind.CLASSIC, (), "test messages", expires=timedelta(minutes=1)),
            Queue("work", QueueKind.CLASSIC, (), "test messages", longest=5),
            Exchange("work", ExchangeKind.TOPIC, "test messages"),
        ],
        ids=["kind", "expires", "longest", "exchange"],
    )
    async def test_declaring_differently_is_an_error(self, work: Transport, other: Queue | Exchange) -> None:
        with pytest.raises(ConfigurationError, match="work"):
            await work.declare(other)

    async def test_a_queue_that_is_not_there_has_no_depth(self, transport: Transport) -> None:
        assert await transport.depth(WORK) is None

    async def test_a_queue_that_is_not_there_cannot_be_consumed(self, transport: Transport) -> None:
        with pytest.raises(
            Unroutable, match=r"There is no queue 'work' on the broker.+ the controller makes it"
        ):
            async with transport.consume(WORK, prefetch=1):
                pytest.fail("it was consumed")

    async def test_who_wants_a_queue_alone_waits_until_the_one_before_is_gone(self, work: Transport) -> None:
        second_has_it = asyncio.Event()

        async def second() -> None:
            async with work.consume(WORK, prefetch=1, alone=True):
                second_has_it.set()

        async with work.consume(WORK, prefetch=1, alone=True):
            waiting = asyncio.create_task(second())
            await asyncio.sleep(NOTHING_COMES)
            assert not second_has_it.is_set()
        await asyncio.wait_for(second_has_it.wait(), 10)
        await waiting

    async def test_who_has_priority_is_served_and_one_that_is_frozen_takes_nothing(
        self, work: Transport
    ) -> None:
        async with work.consume(WORK, prefetch=50), work.consume(WORK, prefetch=50, priority=1) as deliveries:
            for number in range(6):
                await work.publish(envelope(str(number)), TO_WORK)
            for _ in range(6):
                await (await arrival(deliveries)).done()

    # the three verbs

    async def test_done_ends_a_message(self, work: Transport) -> None:
        await work.publish(envelope(), TO_WORK)

        async with work.consume(WORK, prefetch=1) as deliveries:
            await (await arrival(deliveries)).done()
            await nothing_comes(deliveries)

        assert await work.depth(WORK) == 0

    async def test_what_is_done_around_open_messages_leaves_those_alone(self, work: Transport) -> None:
        for number in range(8):
            await work.publish(envelope(str(number)), TO_WORK)

        async with work.consume(WORK, prefetch=8) as deliveries:
            out = [await arrival(deliveries) for _ in range(8)]
            await out[2].again(after=60)
            for number in (0, 1, 4, 5):
                await out[number].done()
            await asyncio.sleep(0)  # what is done so far is told in one word
            await out[6].done()

        assert await bodies(work, WORK, 3) == ["2", "3", "7"]

    async def test_a_message_given_back_between_others_is_handed_out_again(self, work: Transport) -> None:
        for number in range(3):
            await work.publish(envelope(str(number)), TO_WORK)

        async with work.consume(WORK, prefetch=3) as deliveries:
            first, second, third = [await arrival(deliveries) for _ in range(3)]
            await first.done()
            await third.again()
            await second.done()
            again = await arrival(deliveries)
            assert (again.body, again.redelivered) == (b"2", True)
            await again.done()

        assert await work.depth(WORK) == 0

    async def test_again_hands_it_out_once_more(self, work: Transport) -> None:
        await work.publish(envelope("twice"), TO_WORK)

        async with work.consume(WORK, prefetch=1) as deliveries:
            await (await arrival(deliveries)).again()
            second = await arrival(deliveries)

            assert (second.body, second.redelivered) == (b"twice", True)
            await second.done()

    async def test_again_after_a_while_neither_waits_nor_hurries(self, work: Transport) -> None:
        clock = asyncio.get_running_loop().time
        await work.publish(envelope("later"), TO_WORK)

        async with work.consume(WORK, prefetch=1) as deliveries:
            first = await arrival(deliveries)
            began = clock()
            await first.again(after=0.4)
            called = clock() - began
            second = await arrival(deliveries)
            came = clock() - began
            await second.done()

        assert called < 0.3
        assert came >= 0.4
        assert second.redelivered

    async def test_a_message_that_waits_for_its_turn_keeps_its_slot(self, work: Transport) -> None:
        await work.publish(envelope("first"), TO_WORK)
        await work.publish(envelope("second"), TO_WORK)

        async with work.consume(WORK, prefetch=1) as deliveries:
            await (await arrival(deliveries)).again(after=0.4)
            next_one = await arrival(deliveries)

            assert next_one.body == b"first"

    async def test_a_message_that_waits_for_its_turn_returns_when_consuming_ends(
        self, work: Transport
    ) -> None:
        await work.publish(envelope("later"), TO_WORK)

        async with work.consume(WORK, prefetch=1) as deliveries:
            await (await arrival(deliveries)).again(after=60)

        assert await bodies(work, WORK, 1) == ["later"]

    async def test_bury_keeps_a_copy_with_the_reason(self, work: Transport, reasons: Reasons) -> None:
        await work.publish(envelope("riddle"), TO_WORK)

        async with work.consume(WORK, prefetch=1) as deliveries:
            await (await arrival(deliveries)).bury("it makes no sense")

        assert await depths(work, WORK, BURIED_QUEUE) == [0, 1]
        assert await reasons() == ["it makes no sense"]
        assert await bodies(work, BURIED_QUEUE, 1) == ["riddle"]

    async def test_what_cannot_be_buried_is_not_lost(self, transport: Transport) -> None:
        await transport.declare(DIRECT, WORK)
        await transport.publish(envelope("riddle"), TO_WORK)

        async with transport.consume(WORK, prefetch=1) as deliveries:
            delivery = await arrival(deliveries)
            with pytest.raises(Unroutable):
                await delivery.bury("it makes no sense")

        assert await bodies(transport, WORK, 1) == ["riddle"]

    @pytest.mark.parametrize("first", list(Settle))
    @pytest.mark.parametrize("second", list(Settle))
    async def test_settling_twice_is_a_fault(self, work: Transport, first: Settle, second: Settle) -> None:
        await work.publish(envelope(), TO_WORK)

        async with work.consume(WORK, prefetch=1) as deliveries:
            delivery = await arrival(deliveries)
            await end(delivery, first)

            with pytest.raises(RuntimeError, match="work was settled twice"):
                await end(delivery, second)

    @pytest.mark.parametrize("verb", list(Settle))
    async def test_settling_after_the_consumer_has_left_says_so(self, work: Transport, verb: Settle) -> None:
        await work.publish(envelope(), TO_WORK)
        async with work.consume(WORK, prefetch=1) as deliveries:
            delivery = await arrival(deliveries)

        with pytest.raises(DeliveryLost):
            await end(delivery, verb)

        assert await work.depth(WORK) == 1

    # consuming

    async def test_no_more_than_prefetch_are_out(self, work: Transport) -> None:
        for number in range(3):
            await work.publish(envelope(str(number)), TO_WORK)

        async with work.consume(WORK, prefetch=2) as deliveries:
            first, _ = await arrival(deliveries), await arrival(deliveries)
            await nothing_comes(deliveries)

        async with work.consume(WORK, prefetch=2) as deliveries:
            first, _ = await arrival(deliveries), await arrival(deliveries)
            await first.done()
            assert (await arrival(deliveries)).body == b"2"

    async def test_what_is_unsettled_at_the_end_returns_in_its_order(self, work: Transport) -> None:
        for number in range(4):
            await work.publish(envelope(str(number)), TO_WORK)

        async with work.consume(WORK, prefetch=3) as deliveries:
            for _ in range(3):
                await arrival(deliveries)

        assert await bodies(work, WORK, 4) == ["0", "1", "2", "3"]

    async def test_what_was_out_when_a_consumer_was_cancelled_returns(self, work: Transport) -> None:
        await work.publish(envelope("held"), TO_WORK)
        taken = asyncio.Event()

        async def hold() -> None:
            async with work.consume(WORK, prefetch=1) as deliveries:
                await arrival(deliveries)
                taken.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(hold())
        await taken.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        assert await bodies(work, WORK, 1) == ["held"]

    async def test_consumers_of_one_queue_share_its_messages(self, work: Transport) -> None:
        async with (
            work.consume(WORK, prefetch=1) as left,
            work.consume(WORK, prefetch=1) as right,
        ):
            await work.publish(envelope("1"), TO_WORK)
            await work.publish(envelope("2"), TO_WORK)

            got = await asyncio.gather(arrival(left), arrival(right))

            assert {delivery.body for delivery in got} == {b"1", b"2"}
            await nothing_comes(left)

    async def test_an_iterator_ends_with_its_consumer(self, work: Transport) -> None:
        async with work.consume(WORK, prefetch=1) as deliveries:
            waiting = asyncio.create_task(anext(deliveries, None))
            await asyncio.sleep(0)

        await work.publish(envelope(), TO_WORK)
        assert await asyncio.wait_for(waiting, 5) is None
        assert await work.depth(WORK) == 1

    # kinds of queue

    async def test_a_watchers_queue_lives_as_long_as_it_watches(self, transport: Transport) -> None:
        own = Queue("watch", QueueKind.OWN, (Address(TOPIC.name, "a.#"),), "test messages")
        await transport.declare(TOPIC)

        async with transport.consume(own, prefetch=10) as deliveries:
            await transport.publish(envelope("seen"), Address(TOPIC.name, "a.b"))
            delivery = await arrival(deliveries)
            assert delivery.body == b"seen"
            await delivery.done()
            assert await transport.depth(own) == 0

        assert await transport.depth(own) is None
        with pytest.raises(Unroutable):
            await transport.publish(envelope(), Address(TOPIC.name, "a.b"))

    async def test_a_full_queue_drops_the_oldest(self, transport: Transport) -> None:
        short = Queue(
            "short", QueueKind.CLASSIC, (Address(DIRECT.name, "short"),), "test messages", longest=2
        )
        await transport.declare(DIRECT, short)

        for number in range(4):
            await transport.publish(envelope(str(number)), Address(DIRECT.name, "short"))

        assert await bodies(transport, short, 2) == ["2", "3"]

    async def test_a_message_expires(self, transport: Transport) -> None:
        brief = Queue(
            "brief",
            QueueKind.CLASSIC,
            (Address(DIRECT.name, "brief"),),
            "test messages",
            expires=timedelta(milliseconds=200),
        )
        await transport.declare(DIRECT, brief)

        await transport.publish(envelope(), Address(DIRECT.name, "brief"))
        before = await transport.depth(brief)
        await asyncio.sleep(0.6)

        assert (before, await transport.depth(brief)) == (1, 0)

    # reading a queue of messages

    async def test_reading_buries_what_it_cannot_understand(self, work: Transport, reasons: Reasons) -> None:
        newer = Envelope("2", "Note", b'{"protocol": 99, "text": "from tomorrow"}')
        for sent in (envelope("not JSON"), newer, seal(Note(text="clear"), message_id="3")):
            await work.publish(sent, TO_WORK)

        async with work.consume(WORK, prefetch=1) as deliveries:
            async for message, delivery in consuming.read(deliveries, NOTES):
                assert message == Note(text="clear")
                await delivery.done()
                break

        assert await depths(work, WORK, BURIED_QUEUE) == [0, 2]
        unreadable, unsupported = await reasons()
        assert unreadable == "Unreadable: A message is not JSON with a protocol version."
        assert unsupported.startswith("UnsupportedVersion: A message speaks protocol version 99;")

    async def test_serving_settles_each_message_that_was_handled(self, work: Transport) -> None:
        assert await served(work, {}, "a", "b") == Served(handled=["a", "b"], left=[])
        assert await work.depth(BURIED_QUEUE) == 0

    @pytest.mark.parametrize(
        ("error", "left", "buried"),
        [
            pytest.param(SourceUnavailable(), ["bad"], 0, id="transient: again"),
            pytest.param(PermissionMissing(), [], 0, id="configuration: done"),
            pytest.param(RecordRefused(), [], 0, id="record: done"),
            pytest.param(Cancelled(), [], 0, id="run: done"),
            pytest.param(Unreadable(), [], 1, id="protocol: buried"),
            pytest.param(KeyError("oops"), [], 1, id="a fault of ours: buried"),
        ],
    )
    async def test_serving_goes_by_what_follows_from_an_error(
        self, work: Transport, error: Exception, left: list[str], buried: int
    ) -> None:
        assert await served(work, {"bad": error}, "bad", "good") == Served(["bad", "good"], left)
        assert await work.depth(BURIED_QUEUE) == buried

    async def test_a_batch_is_handled_together_and_settled(self, work: Transport) -> None:
        batches: list[list[str]] = []
        arrived = asyncio.Event()

        async def handle(*notes: Note) -> None:
            batches.append([note.text for note in notes])
            if len(batches) == 1:
                await arrived.wait()

        texts = [str(number) for number in range(25)]
        async with serving_batches(work, handle):
            await work.publish(seal(Note(text="first"), message_id="first"), TO_WORK)
            for text in texts:
                await work.publish(seal(Note(text=text), message_id=text), TO_WORK)
            await asyncio.sleep(0)
            arrived.set()

            async def all_handled() -> bool:
                return [text for batch in batches for text in batch] == ["first", *texts]

            async def all_settled() -> bool:
                return await work.depth(WORK) == 0

            await eventually(all_handled)
            await eventually(all_settled)
        assert len(batches) < len(texts)

    async def test_of_a_batch_only_the_one_at_fault_pays(self, work: Transport, reasons: Reasons) -> None:
        stored: list[str] = []

        async def handle(*notes: Note) -> None:
            if any(note.text == "bad" for note in notes):
                raise KeyError("oops")
            stored.extend(note.text for note in notes)

        for text in ("a", "bad", "b"):
            await work.publish(seal(Note(text=text), message_id=text), TO_WORK)

        async def all_settled() -> bool:
            return await work.depth(BURIED_QUEUE) == 1 and sorted(stored) == ["a", "b"]

        async with serving_batches(work, handle):
            await eventually(all_settled)
        assert await reasons() == ["KeyError: 'oops'"]

    async def test_a_batch_that_meets_a_passing_fault_is_handed_out_again_whole(
        self, work: Transport
    ) -> None:
        tried = asyncio.Event()

        async def handle(*_: Note) -> None:
            tried.set()
            raise SourceUnavailable

        for text in ("a", "b"):
            await work.publish(seal(Note(text=text), message_id=text), TO_WORK)
        async with serving_batches(work, handle):
            await asyncio.wait_for(tried.wait(), 20)
        assert sorted(await bodies(work, WORK, 2)) == sorted(
            seal(Note(text=text), message_id=text).body.decode() for text in ("a", "b")
        )

    async def test_the_reason_for_burying_names_the_fault_and_no_secret(
        self, work: Transport, reasons: Reasons
    ) -> None:
        await served(work, {"bad": ValueError("cannot open amqp://halo:hunter22@broker")}, "bad")

        assert await reasons() == ["ValueError: cannot open amqp://halo:***@broker"]


def envelope(text: str = "x") -> Envelope:
    """A message of which only the body matters."""
    return Envelope(id=f"id of {text}", kind="test", body=text.encode())


def direct_queue(key: str) -> Queue:
    """A queue for this key of the direct exchange."""
    return Queue(key, QueueKind.CLASSIC, (Address(DIRECT.name, key),), "test messages")


async def arrival(deliveries: AsyncIterator[Delivery]) -> Delivery:
    """The next delivery, which is on its way."""
    return await asyncio.wait_for(anext(deliveries), 20)


async def nothing_comes(deliveries: AsyncIterator[Delivery]) -> None:
    """Fails when a delivery arrives. The iterator is of no use after that."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(deliveries), NOTHING_COMES)


async def bodies(transport: Transport, queue: Queue, count: int) -> list[str]:
    """Take so many messages from a queue."""
    found = []
    async with transport.consume(queue, prefetch=100) as deliveries:
        for _ in range(count):
            delivery = await arrival(deliveries)
            found.append(delivery.body.decode())
            await delivery.done()
    return found


async def depths(transport: Transport, *queues: Queue) -> list[int | None]:
    """How many messages wait in each."""
    return [await transport.depth(queue) for queue in queues]


async def end(delivery: Delivery, how: Settle) -> None:
    """Settle a delivery in this way."""
    match how:
        case Settle.DONE:
            await delivery.done()
        case Settle.AGAIN:
            await delivery.again()
        case Settle.BURY:
            await delivery.bury("because")


@asynccontextmanager
async def serving_batches(
    transport: Transport, handle: Callable[..., Awaitable[None]]
) -> AsyncIterator[None]:
    """A server of batches for the length of a `with`."""
    server = asyncio.create_task(consuming.serve_batches(transport, WORK, NOTES, handle, prefetch=100))
    try:
        yield
    finally:
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)


@dataclass(frozen=True)
class Served:
    """What became of messages that a server was given."""

    handled: list[str]
    left: list[str]
    """What is in the queue again."""


async def served(transport: Transport, faults: dict[str, Exception], *texts: str) -> Served:
    """Have these messages served; the handler fails at those in `faults`."""
    handled: list[str] = []
    all_handled = asyncio.Event()

    async def handle(note: Note) -> None:
        if note.text == LAST:
            all_handled.set()  # and all before it are settled
            await asyncio.Event().wait()
        handled.append(note.text)
        if note.text in faults:
            raise faults[note.text]

    for text in (*texts, LAST):
        await transport.publish(seal(Note(text=text), message_id=text), TO_WORK)

    async def serve() -> None:
        async with transport.consume(WORK, prefetch=len(texts) + 1) as deliveries:
            await consuming.serve_all(deliveries, NOTES, handle)

    server = asyncio.create_task(serve())
    await asyncio.wait_for(all_handled.wait(), 20)
    server.cancel()
    await asyncio.gather(server, return_exceptions=True)

    remaining = await bodies(transport, WORK, await transport.depth(WORK) or 0)
    left = [NOTES.validate_json(body).text for body in remaining]
    return Served(handled, [text for text in left if text != LAST])
