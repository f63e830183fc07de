"""Everything around the product fails once, with real processes and a real broker, and afterwards all is well."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from halo_sandbox.demo import files
from halo_sandbox.demo.world import BIN, Json, until
from halo_sandbox.services import rabbitmq
from halo_sandbox.services.rabbitmq import PrivateRabbitMQ
from tests.acceptance.afterwards import all_is_well
from tests.support.product import Product, product
from tests.support.proxy import TcpProxy, tcp_proxy
from tests.support.services import needed

pytestmark = [pytest.mark.timeout(400), pytest.mark.broker]

LOST_WITHIN = 75.0
"""Real seconds: the 60 that are promised, and what a busy machine adds."""


@pytest.fixture(scope="module")
def mortal_broker() -> Iterator[PrivateRabbitMQ]:
    """A broker that these tests may kill."""
    with needed(), rabbitmq.serving(management=True) as broker:
        yield broker


@pytest.fixture
async def office(mortal_broker: PrivateRabbitMQ, tmp_path: Path) -> AsyncIterator[Product]:
    """A controller and an agent that is online, on a broker of their own."""
    async with mortal_broker.vhost() as url, product(url, tmp_path) as whole:
        await whole.installed()
        yield whole


@pytest.fixture
async def far_office(
    mortal_broker: PrivateRabbitMQ, tmp_path: Path
) -> AsyncIterator[tuple[Product, TcpProxy]]:
    """The same, with a line between agent and broker that can be cut."""
    async with mortal_broker.vhost() as url, product(url, tmp_path) as whole:
        broker = urlsplit(url)
        async with tcp_proxy(str(broker.hostname), int(broker.port or 5672)) as line:
            by_line = broker._replace(
                netloc=broker.netloc.replace(f":{broker.port}", f":{line.port}")
            ).geturl()
            whole.environment["HALO_BROKER_URL"] = by_line
            await whole.installed()
            whole.environment["HALO_BROKER_URL"] = url
            yield whole, line


async def in_the_middle(office: Product) -> str:
    """A run that has written some and is at work on more; answers with its integration."""
    ref = await office.enable(office.people.integration)
    await office.fault(kind="slow", seconds=2, times=1000, method="POST", path="/api/users")
    await office.quietly("run", "now", ref)
    await until(lambda: _holds_some(office))
    return ref


async def _holds_some(office: Product) -> bool:
    return bool(await office.held("users"))


async def latest(office: Product, ref: str) -> Json:
    return (await office.ask("/runs", integration=ref.partition("/")[2], limit=1))[0]


async def first_attempt_lost(office: Product, ref: str) -> None:
    """Return once the centre has given the first attempt up."""

    async def lost() -> bool:
        run = await latest(office, ref)
        attempts = (await office.ask(f"/runs/{run['id']}"))["attempts"]
        return bool(attempts) and str(attempts[0]["end"]).startswith("lost: ")

    await until(lost, within=LOST_WITHIN)


async def test_the_broker_is_killed_and_comes_back(office: Product, mortal_broker: PrivateRabbitMQ) -> None:
    ref = await in_the_middle(office)
    await mortal_broker.kill()
    await asyncio.sleep(10)  # longer than any pause before a first try to reconnect
    await office.well_again()
    await mortal_broker.restart()

    run = await all_is_well(office, ref)

    assert (run["status"], run["attempt"]) == ("succeeded", 1), "an outage of the broker stops no sync"


async def test_the_agent_is_killed_and_the_next_one_takes_over(office: Product) -> None:
    ref = await in_the_middle(office)
    office.kill("agent")

    await first_attempt_lost(office, ref)
    await office.start_agent()
    run = await all_is_well(office, ref)

    assert (run["status"], run["attempt"]) == ("succeeded", 2)


async def test_the_agents_machine_dies(office: Product) -> None:
    """Its deputy dies with it: nobody says goodbye, and silence must tell."""
    ref = await in_the_middle(office)
    deputy = _child_of(office.programs["agent"].pid)
    office.programs["agent"].send_signal(signal.SIGSTOP)  # else it would start another one
    _kill(deputy)
    office.kill("agent")

    await first_attempt_lost(office, ref)
    await office.start_agent()

    assert (await all_is_well(office, ref))["attempt"] == 2


async def test_the_agent_is_frozen_and_goes_on(office: Product) -> None:
    ref = await in_the_middle(office)
    agent = office.programs["agent"]

    async def is_stalled() -> bool:
        return bool((await office.ask(f"/agents/{files.AGENT}"))["state"] == "stalled")

    agent.send_signal(signal.SIGSTOP)
    await until(is_stalled, within=90)
    shown = await office.type("halo-controller", "agents", "show", files.AGENT)
    await office.well_again()
    agent.send_signal(signal.SIGCONT)
    run = await all_is_well(office, ref)

    assert "its loop has not moved for" in shown.out
    assert (run["status"], run["attempt"]) == ("succeeded", 1), "its deputy kept the lease"


async def test_the_line_between_agent_and_broker_goes_dead_in_silence(
    far_office: tuple[Product, TcpProxy],
) -> None:
    office, line = far_office
    ref = await in_the_middle(office)
    line.pause()
    await office.well_again()  # the agent ends its work, and nobody hears of it

    await first_attempt_lost(office, ref)
    line.restore()
    run = await all_is_well(office, ref)

    assert (run["status"], run["attempt"]) == ("succeeded", 2)


async def test_the_line_between_agent_and_broker_is_cut_and_comes_back_soon(
    far_office: tuple[Product, TcpProxy],
) -> None:
    office, line = far_office
    ref = await in_the_middle(office)
    line.cut()
    await asyncio.sleep(5)
    await office.well_again()
    line.restore()

    assert (await all_is_well(office, ref))["attempt"] == 1


async def test_the_controllers_database_is_locked_for_a_while(office: Product) -> None:
    ref = await in_the_middle(office)
    with closing(sqlite3.connect(office.folder / "controller" / "controller.db")) as db:
        db.isolation_level = None
        db.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(15)  # longer than the controller waits for it
        db.execute("ROLLBACK")
    await office.well_again()

    assert (await all_is_well(office, ref))["attempt"] == 1


async def test_a_cancel_of_a_connected_agent_is_confirmed_at_once(office: Product) -> None:
    ref = await in_the_middle(office)
    run = await latest(office, ref)
    asked_at = asyncio.get_running_loop().time()
    async with asyncio.timeout(30):
        await office.quietly("runs", "cancel", run["id"], "--reason", "wrong file")
        ended = await office.until_ended(ref)

    assert ended["status"] == "cancelled"
    assert asyncio.get_running_loop().time() - asked_at < 30
    await all_is_well(office, ref)


async def test_a_cancel_of_a_frozen_agent_stays_asked_for_until_it_is_known(office: Product) -> None:
    ref = await in_the_middle(office)
    run = await latest(office, ref)
    agent = office.programs["agent"]
    agent.send_signal(signal.SIGSTOP)
    await office.quietly("runs", "cancel", run["id"], "--reason", "wrong file")
    await asyncio.sleep(5)
    asked = await latest(office, ref)

    agent.send_signal(signal.SIGCONT)
    ended = await office.until_ended(ref)

    assert (asked["status"], asked["cancel_reason"]) == ("running", "wrong file")
    assert ended["status"] == "cancelled"
    await all_is_well(office, ref)


async def test_a_second_process_of_the_same_name_is_told_and_waits(office: Product) -> None:
    log = office.folder / "agent.log"
    second = await asyncio.create_subprocess_exec(
        BIN / "halo-agent",
        "run",
        env={**office.environment, "HALO_AGENT_DATA": str(office.folder / "second")},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert second.stderr is not None
        async with asyncio.timeout(60):
            while b"queue_taken" not in (line := await second.stderr.readline()):
                assert line, "it ended"
        ref = await office.enable(office.people.integration)
        run = await office.run(ref)
        assert run["status"] == "succeeded"
        assert "rejected" not in log.read_text()
    finally:
        second.kill()
        await second.wait()


def _child_of(pid: int) -> int:
    """The one child of a process."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
