"""Health and topology over the REST API: whether all is well, and what waits where."""

import asyncio
import socket
from pathlib import Path

from halo_controller.api.server import listen
from halo_controller.store import tables
from halo_controller.store.database import open_database
from halo_shared.messages.codec import Envelope
from halo_shared.topology import (
    BURIED_QUEUE,
    EXCHANGES,
    FIXED_QUEUES,
    TO_CONTROLLER,
    Queue,
    agent_queue,
    jobs_queue,
)
from halo_shared.transport.memory import MemoryTransport
from tests.support.rest import Json, Office, a_broker_that_is_away, an_api

AWAY = "The broker does not answer; jobs and events wait until it does."
BURIED = (
    "1 message that was not understood lies in the queue 'buried'; the header x-why of each says why "
    "(see the broker's own pages)."
)


async def bury_one(office: Office) -> None:
    """A message arrives that nobody can read."""
    await office.transport.publish(Envelope(id="1", kind="hello", body=b"what?"), TO_CONTROLLER)
    await office.until_waiting(BURIED_QUEUE)


def depths(topology: Json) -> dict[str, int | None]:
    return {queue["name"]: queue["depth"] for queue in topology["queues"]}


async def test_a_controller_at_work_is_healthy(office: Office) -> None:
    await office.set_up()
    await office.post("/agents", {"name": "two", "group": "site"}, status=201)

    async with office.agent():
        # The controller's welcome may still be on its way.
        health = await office.until_found("/health", lambda seen: None if seen["outbox"] else seen)

    assert health == {
        "status": "ok",
        "broker": True,
        "database": True,
        "outbox": 0,
        "buried": 0,
        "agents": {"online": 1, "silent": 0, "expected": 1, "stalled": 0, "draining": 0, "stopped": 0},
        "leader": "",
        "alarms": [],
    }


async def test_a_buried_message_is_an_alarm(office: Office) -> None:
    await bury_one(office)

    health = await office.get("/health")
    topology = await office.get("/topology")

    assert (health["status"], health["buried"], health["alarms"]) == ("alarm", 1, [BURIED])
    assert (depths(topology)["buried"], topology["alarms"]) == (1, [BURIED])


async def test_the_topology_shows_every_queue_and_what_waits_in_it(office: Office) -> None:
    await office.set_up()
    await office.run_people()
    await office.until_waiting(jobs_queue("site"))

    topology = await office.get("/topology")

    queues = (*FIXED_QUEUES, jobs_queue("site"), agent_queue("one"))
    assert depths(topology) == {queue.name: 0 for queue in queues} | {"jobs.site": 1}
    assert topology["alarms"] == []
    assert [exchange["name"] for exchange in topology["exchanges"]] == [each.name for each in EXCHANGES]
    jobs = next(queue for queue in topology["queues"] if queue["name"] == "jobs.site")
    assert jobs["bindings"] == [{"exchange": "jobs", "key": "site"}]
    assert (jobs["kind"], jobs["expires"]) == ("classic", "PT5M")


async def test_without_a_broker_the_controller_is_down_and_still_answers(tmp_path: Path) -> None:
    async with (
        open_database(tmp_path / "controller.db") as database,
        a_broker_that_is_away() as transport,
        an_api(database, transport) as api,
    ):
        health, topology, group = await asyncio.gather(
            api.ask("GET", "/health", token=""),
            api.get("/topology"),
            api.post("/groups", {"name": "site"}, status=201),
        )

    assert health.status_code == 503
    body = health.json()
    assert (body["status"], body["broker"], body["database"], body["buried"]) == ("down", False, True, None)
    assert body["alarms"] == topology["alarms"] == [AWAY]
    assert set(depths(topology).values()) == {None}
    assert group["note"].startswith("The broker is away; the controller makes the queue 'jobs.site'")


async def test_without_its_database_the_controller_is_down(tmp_path: Path) -> None:
    transport = MemoryTransport()
    await transport.declare(*EXCHANGES, *FIXED_QUEUES)
    async with (
        open_database(tmp_path / "controller.db") as database,
        an_api(database, transport) as api,
    ):
        async with database.write() as db:
            await db.run_sync(tables.outbox.drop)
        health = await api.ask("GET", "/health", token="")

    assert health.status_code == 503
    body = health.json()
    assert (body["status"], body["broker"], body["database"]) == ("down", True, False)
    assert body["alarms"] == ["The database does not answer; the controller's log tells more."]


def test_answers_do_not_wait_for_the_caller_to_acknowledge_their_first_half() -> None:
    with (
        listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_a_queue_that_is_missing_on_the_broker_is_an_alarm(tmp_path: Path) -> None:
    transport = MemoryTransport()
    present: list[Queue] = [queue for queue in FIXED_QUEUES if queue.name != "events"]
    await transport.declare(*EXCHANGES, *present)
    async with (
        open_database(tmp_path / "controller.db") as database,
        an_api(database, transport) as api,
    ):
        topology = await api.get("/topology")

    assert depths(topology)["events"] is None
    (alarm,) = topology["alarms"]
    assert alarm.startswith("Queue 'events' is missing on the broker")
