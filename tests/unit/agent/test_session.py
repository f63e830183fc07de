"""The conversation with the controller."""

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from halo_agent import session as module
from halo_agent.leases import Lease, Leases
from halo_agent.session import Session, introduce
from halo_agent.store.outbox import Outbox
from halo_shared.errors import Cancelled, ConfigurationError, LeaseLost
from halo_shared.messages.commands import LeasesRenewed, Rejected, Welcome
from halo_shared.messages.requests import ConnectorSpec, HeldLease
from halo_shared.topology import EXCHANGES, FIXED_QUEUES, REQUESTS_QUEUE, agent_queue
from halo_shared.transport.memory import MemoryTransport
from tests.support.builders import OTHER_SESSION, RUN_ID, SESSION, Attempted, logged
from tests.support.clock import ManualClock, eventually
from tests.support.controller_double import ControllerDouble

SPEC = ConnectorSpec(name="ldap", title="LDAP", entities=(), settings_schema={})
Start = Callable[[], Session]


@pytest.fixture
def leases(transport: MemoryTransport, clock: ManualClock) -> Leases:
    return Leases("one", SESSION, transport, clock)


@pytest.fixture
async def start(
    transport: MemoryTransport, leases: Leases, outbox: Outbox, clock: ManualClock
) -> AsyncIterator[Start]:
    """Starts a session that listens and beats until the test is over."""
    tasks: list[asyncio.Task[None]] = []

    def started() -> Session:
        hello = introduce("one", SESSION, version="0.1.0", slots=2, connectors=[SPEC])
        session = Session(hello, transport, leases, outbox, clock)
        tasks.extend([asyncio.create_task(session.listen()), asyncio.create_task(session.beat())])
        return session

    yield started
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_it_says_hello_until_it_is_welcome(
    start: Start, controller: ControllerDouble, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELLO_EVERY", 0.01)
    controller.answers = False
    await outbox.put(logged(Attempted()))
    session = start()
    await eventually(lambda: len(controller.hellos) >= 3)
    controller.answers = True

    welcome = await session.welcomed()
    said = len(controller.hellos)

    assert welcome.group == "site"
    assert all(
        (one.agent, one.session, one.slots, one.connectors) == ("one", SESSION, 2, (SPEC,))
        for one in controller.hellos
    )
    assert len({one.ask for one in controller.hellos}) == said
    assert {one.spooled for one in controller.hellos} == {1}
    await asyncio.sleep(0.05)
    assert len(controller.hellos) == said


async def test_it_says_hello_less_and_less_often(
    start: Start, controller: ControllerDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELLO_EVERY", 0.01)
    monkeypatch.setattr(module, "HELLO_AT_LAST", 0.02)
    controller.answers = False

    with capture_logs() as lines:
        start()
        await eventually(lambda: len(controller.hellos) >= 5)

    pauses = [line["next_try_in"] for line in lines if line["event"] == "not_welcome_yet"]
    assert pauses[:4] == [0.01, 0.015, 0.02, 0.02]


async def test_a_broker_that_is_away_is_waited_for(
    start: Start, controller: ControllerDouble, transport: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELLO_EVERY", 0.01)
    requests = transport._queues.pop(REQUESTS_QUEUE.name)
    session = start()
    await asyncio.sleep(0.05)
    transport._queues[REQUESTS_QUEUE.name] = requests

    assert (await session.welcomed()).group == "site"


async def test_a_welcome_for_another_process_is_not_ours(start: Start, controller: ControllerDouble) -> None:
    controller.answers = False
    session = start()
    await controller.tell(Welcome(session=OTHER_SESSION, group="elsewhere", heartbeat_seconds=1))
    await controller.tell(Welcome(session=SESSION, group="site", heartbeat_seconds=1))
    await controller.tell(Welcome(session=SESSION, group="too-late", heartbeat_seconds=1))

    assert (await session.welcomed()).group == "site"


async def test_an_agent_that_nobody_registered_is_told_what_to_run(
    transport: MemoryTransport,
    leases: Leases,
    outbox: Outbox,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    await transport.declare(*EXCHANGES, *FIXED_QUEUES)
    hello = introduce("ghost", SESSION, version="0.1.0", slots=1, connectors=[])

    with pytest.raises(ConfigurationError, match="halo-controller agents add ghost --group GROUP"):
        await Session(hello, transport, leases, outbox, clock).listen()


async def test_a_queue_that_the_controller_is_still_to_declare_is_waited_for(
    start: Start, controller: ControllerDouble, transport: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELLO_EVERY", 0.05)
    own = transport._queues.pop(agent_queue("one").name)
    controller.sessions.add(SESSION)
    controller.answers = False

    with capture_logs() as lines:
        session = start()
        await eventually(lambda: len(controller.heartbeats) == 1)  # by which it is seen
    assert controller.hellos == []
    controller.answers = True
    transport._queues[own.queue.name] = own

    assert (await session.welcomed()).group == "site"
    (line,) = [line for line in lines if line["event"] == "not_listening_yet"]
    assert "halo-controller agents add one --group GROUP" in line["why"]


async def test_an_agent_that_is_not_registered_any_more_ends_before_it_works(
    start: Start, controller: ControllerDouble
) -> None:
    controller.answers = False
    session = start()
    await controller.tell(Rejected(session=SESSION, code="NotRegistered", message="Nobody registered one."))

    with pytest.raises(ConfigurationError, match="Nobody registered one"):
        await session.welcomed()


async def test_an_agent_that_is_removed_at_work_takes_nothing_new_until_it_is_registered_again(
    start: Start, controller: ControllerDouble
) -> None:
    controller.heartbeat_seconds = 3600
    wanted: list[bool] = []
    session = start()
    session.on_drain(wanted.append)
    await session.welcomed()
    await controller.tell(Rejected(session=SESSION, code="NotRegistered", message="Nobody registered one."))
    await eventually(lambda: wanted[-1:] == [True])

    await controller.tell(Rejected(session=SESSION, code="SayHello", message="Say hello first."))

    await eventually(lambda: wanted[-1:] == [False])


async def test_an_agent_that_is_registered_anew_in_another_group_takes_nothing_until_it_is_restarted(
    start: Start, controller: ControllerDouble
) -> None:
    wanted: list[bool] = []
    session = start()
    session.on_drain(wanted.append)
    welcome = await session.welcomed()
    elsewhere = welcome.model_copy(update={"group": "elsewhere"})

    with capture_logs() as lines:
        await controller.tell(elsewhere)
        await controller.tell(LeasesRenewed(session=SESSION, ask=uuid4()))
        await eventually(lambda: wanted[-1:] == [True])

    (line,) = [line for line in lines if line["event"] == "group_changed"]
    assert line["why"].endswith("restart it.")


async def test_what_another_process_under_its_name_is_told_is_not_for_it(
    start: Start, controller: ControllerDouble, leases: Leases
) -> None:
    session = start()
    await session.welcomed()
    for code in ("SayHello", "NotRegistered"):
        await controller.tell(Rejected(session=OTHER_SESSION, code=code, message="Not you."))

    with capture_logs() as lines:
        assert isinstance(await leases.ask(RUN_ID), Lease)
    assert len(controller.hellos) == 1
    assert [line for line in lines if line["event"] == "rejected"] == []


async def test_a_heartbeat_says_what_is_held_free_waiting_and_being_done(
    start: Start, controller: ControllerDouble, leases: Leases, outbox: Outbox, clock: ManualClock
) -> None:
    controller.heartbeat_seconds = 10
    session = start()
    session.tell(lambda: ["a: reading", "b: writing"])
    session.tell(lambda: ["sender: asleep"])
    await session.welcomed()
    await outbox.put(logged(Attempted()))
    lease = await leases.ask(RUN_ID)
    assert isinstance(lease, Lease)
    await clock.asleep()
    clock.move(10)
    await eventually(lambda: bool(controller.heartbeats))

    (beat,) = controller.heartbeats
    assert (beat.agent, beat.session, beat.held) == ("one", SESSION, (HeldLease(run=RUN_ID, fence=1),))
    assert (beat.free_slots, beat.spooled) == (1, 1)
    assert beat.doing == ("a: reading", "b: writing", "sender: asleep")


async def test_heartbeats_renew_what_is_held_from_the_moment_at_which_they_are_sent(
    start: Start, controller: ControllerDouble, leases: Leases, clock: ManualClock
) -> None:
    controller.heartbeat_seconds, controller.lease_seconds = 10, 45
    session = start()
    await session.welcomed()
    lease = await leases.ask(RUN_ID)
    assert isinstance(lease, Lease)
    for beats in range(1, 10):
        await clock.asleep()
        clock.move(10)
        await eventually(lambda beats=beats: len(controller.heartbeats) == beats)  # type: ignore[misc]  # a default binds it
        lease.check()

    await clock.asleep()
    clock.move(45.1)
    with pytest.raises(LeaseLost):
        lease.check()


async def test_a_controller_that_lost_the_session_is_greeted_again_with_what_is_held(
    start: Start, controller: ControllerDouble, leases: Leases, clock: ManualClock
) -> None:
    controller.heartbeat_seconds = 10
    session = start()
    await session.welcomed()
    lease = await leases.ask(RUN_ID)
    assert isinstance(lease, Lease)
    controller.sessions.clear()
    await clock.asleep()
    clock.move(10)
    await eventually(lambda: len(controller.hellos) == 2)

    assert controller.hellos[1].held == (HeldLease(run=RUN_ID, fence=1),)
    assert controller.hellos[0].held == ()


async def test_another_rejection_is_logged_and_changes_nothing(
    start: Start, controller: ControllerDouble, leases: Leases
) -> None:
    session = start()
    await session.welcomed()
    await controller.tell(Rejected(session=SESSION, code="TooOld", message="Upgrade this agent."))

    assert isinstance(await leases.ask(RUN_ID), Lease)
    assert len(controller.hellos) == 1


async def test_a_cancel_reaches_the_lease_it_means(
    start: Start, controller: ControllerDouble, leases: Leases
) -> None:
    await start().welcomed()
    lease = await leases.ask(RUN_ID)
    assert isinstance(lease, Lease)

    await controller.cancel(RUN_ID)
    await asyncio.wait_for(lease.ended.wait(), 1)

    assert isinstance(lease.why_ended, Cancelled)
