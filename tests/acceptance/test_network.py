"""Lines go dead, lose what is said one way, or are cut, and afterwards all is well without a hand."""

import asyncio

import pytest
import yaml

from halo_sandbox.demo import files
from halo_sandbox.demo.world import until
from tests.acceptance.afterwards import all_is_well
from tests.acceptance.timelines import Far, first_attempt_lost, in_the_middle
from tests.support.product import Product
from tests.support.proxy import TcpProxy, Way, tcp_proxy

pytestmark = pytest.mark.timeout(400)


async def test_the_line_between_agent_and_broker_goes_dead_in_silence(far_office: Far) -> None:
    office, line = far_office
    ref = await in_the_middle(office)
    line.pause()
    await office.well_again()  # the agent ends its work, and nobody hears of it

    await first_attempt_lost(office, ref)
    line.restore()
    run = await all_is_well(office, ref)

    assert (run["status"], run["attempt"]) == ("succeeded", 2)


async def test_the_line_between_agent_and_broker_is_cut_and_comes_back_soon(far_office: Far) -> None:
    office, line = far_office
    ref = await in_the_middle(office)
    line.cut()
    await asyncio.sleep(5)
    await office.well_again()
    line.restore()

    assert (await all_is_well(office, ref))["attempt"] == 1


@pytest.mark.parametrize("way", Way)
async def test_what_agent_and_broker_say_is_lost_one_way(far_office: Far, way: Way) -> None:
    """Neither side sees the connection end; each finds out by the heartbeats that it misses, or by the other's end."""
    office, line = far_office
    ref = await in_the_middle(office)
    line.swallow(way)
    await until(lambda: _is_half_dead(line))
    line.restore()  # the next connection is a good one: somebody has to make it
    await office.well_again()
    run = await all_is_well(office, ref)

    assert (run["status"], run["attempt"]) == ("succeeded", 1), "it heals before the centre gives the run up"
    assert (office.folder / "agent.log").read_text().count("broker_connected") == 2


async def test_what_halo_answers_is_lost_while_the_broker_is_heard(office: Product) -> None:
    """What was written unheard is looked up, and nobody is told of a failure, for there is none."""
    async with tcp_proxy(office.sandbox.url) as line:
        tenant = yaml.safe_load(office.files["tenant"].read_text(encoding="utf-8"))
        tenant["halo"]["url"] = line.url
        await office.quietly("tenants", "update", str(files.write(office.folder, "far-halo", tenant)))
        ref = await in_the_middle(office)
        line.swallow(Way.TO_CLIENT)
        await until(lambda: _is_half_dead(line))
        line.restore()
        await office.well_again()
        run = await all_is_well(office, ref)

        assert (run["status"], run["attempt"]) == ("succeeded", 1)
        assert await office.ask("/incidents") == []


async def _is_half_dead(line: TcpProxy) -> bool:
    return line.half_dead
