"""Runs are cancelled, and agents are stopped, with real processes and a real broker."""

import asyncio
import os
import signal
from datetime import datetime, timedelta
from typing import Final

import pytest

from halo_controller.nouns import HEARTBEAT
from halo_sandbox.demo import files
from tests.acceptance.afterwards import all_is_well
from tests.acceptance.timelines import Far, has_said, in_the_middle, latest
from tests.support.product import Product

pytestmark = pytest.mark.timeout(400)


PROMISED: Final = timedelta(seconds=2)
"""From asking for the end of a run to its confirmation, while the agent is connected."""


def at_leisure(span: timedelta) -> timedelta:
    """So long on a machine that does nothing else; on a busy one, as much longer as it has more to do than it can."""
    return span * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


async def cancel(office: Product, ref: str) -> str:
    """Ask for the end of the latest run; answers with its id."""
    run = str((await latest(office, ref))["id"])
    await office.order(f"/runs/{run}/cancel", {"reason": "wrong file"})
    return run


async def test_a_cancel_of_a_connected_agent_is_confirmed_at_once(office: Product) -> None:
    ref = await in_the_middle(office)
    await cancel(office, ref)
    ended = await office.until_ended(ref)

    (asked,) = await office.ask("/log", text="Cancelling was asked")
    took = datetime.fromisoformat(ended["ended_at"]) - datetime.fromisoformat(asked["at"])
    assert ended["status"] == "cancelled"
    assert took < at_leisure(PROMISED)
    await all_is_well(office, ref)


async def test_a_cancel_of_an_agent_that_is_cut_off_stays_asked_for_until_it_hears(far_office: Far) -> None:
    office, line = far_office
    ref = await in_the_middle(office)
    line.pause()
    await office.fault(kind="slow", seconds=10, times=1000, method="POST", path="/api/users")
    run = await cancel(office, ref)
    await asyncio.sleep(5)
    asked = await latest(office, ref)

    line.restore()
    ended = await office.until_ended(ref)

    assert (asked["status"], asked["cancel_reason"]) == ("running", "wrong file")
    assert (ended["id"], ended["status"]) == (run, "cancelled")
    await all_is_well(office, ref)


async def test_an_agent_that_is_stopped_finishes_what_it_has(office: Product) -> None:
    ref = await in_the_middle(office)
    agent = office.programs["agent"]
    agent.terminate()
    await has_said(office, "agent", "agent_drains")
    await office.well_again()
    code = await asyncio.to_thread(agent.wait, 60)
    stopped = await office.ask(f"/agents/{files.AGENT}")
    run = await office.until_ended(ref)

    assert (code, stopped["state"]) == (0, "stopped")
    assert (run["status"], run["attempt"]) == ("succeeded", 1)
    await office.start_agent()
    await all_is_well(office, ref)


async def test_an_agent_that_is_stopped_twice_cuts_short_what_it_has(office: Product) -> None:
    ref = await in_the_middle(office)
    agent = office.programs["agent"]
    agent.terminate()
    await has_said(office, "agent", "agent_drains")
    agent.terminate()
    code = await asyncio.to_thread(agent.wait, 60)
    run = await office.until_ended(ref)

    assert (code, run["status"]) == (0, "cancelled")
    assert run["failure"]["message"] == "The agent was stopped while it worked on this run."
    await office.well_again()
    await office.start_agent()
    await all_is_well(office, ref)


async def test_an_agent_that_is_drained_takes_nothing_new_from_that_moment(office: Product) -> None:
    """Else what waits would go to it until its next heartbeat, and back to its group by a refusal."""
    ref = await office.enable(office.people.integration)
    await office.quietly("agents", "drain", files.AGENT)
    await has_said(office, "agent", "drained_by_the_controller", within=HEARTBEAT.total_seconds() / 2)

    await office.quietly("run", "now", ref)
    await office.quietly("agents", "resume", files.AGENT)
    run = await office.until_ended(ref)

    assert (run["status"], run["attempt"]) == ("succeeded", 1)
    await all_is_well(office, ref)


async def test_a_cancel_of_a_frozen_agent_stays_asked_for_until_it_is_known(office: Product) -> None:
    ref = await in_the_middle(office)
    agent = office.programs["agent"]
    agent.send_signal(signal.SIGSTOP)
    await cancel(office, ref)
    await asyncio.sleep(5)
    asked = await latest(office, ref)

    agent.send_signal(signal.SIGCONT)
    ended = await office.until_ended(ref)

    assert (asked["status"], asked["cancel_reason"]) == ("running", "wrong file")
    assert ended["status"] == "cancelled"
    await all_is_well(office, ref)
