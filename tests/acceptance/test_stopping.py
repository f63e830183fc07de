"""Runs are cancelled, and agents are stopped, with real processes and a real broker."""

import asyncio
import signal

import pytest

from tests.acceptance.afterwards import all_is_well
from tests.acceptance.timelines import in_the_middle, latest
from tests.support.product import Product

pytestmark = pytest.mark.timeout(400)


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
