"""Agent or controller fails once, with real processes and a real broker, and afterwards all is well."""

import asyncio
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from halo_sandbox.demo import files
from halo_sandbox.demo.world import BIN, until
from tests.acceptance.afterwards import all_is_well
from tests.acceptance.timelines import first_attempt_lost, in_the_middle
from tests.support.product import Product

pytestmark = pytest.mark.timeout(400)


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


async def test_the_controllers_database_is_locked_for_a_while(office: Product) -> None:
    ref = await in_the_middle(office)
    with closing(sqlite3.connect(office.folder / "controller" / "controller.db")) as db:
        db.isolation_level = None
        db.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(15)  # longer than the controller waits for it
        db.execute("ROLLBACK")
    await office.well_again()

    assert (await all_is_well(office, ref))["attempt"] == 1


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
