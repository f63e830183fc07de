"""Agents that nobody registered: they are told so, shown, and wait for it, but not for ever."""

from pathlib import Path

import pytest

from halo_sandbox.demo import files
from halo_sandbox.demo.world import until
from tests.support.product import product

pytestmark = pytest.mark.timeout(200)


async def test_an_agent_that_is_started_too_early_is_shown_and_begins_once_it_is_registered(
    broker_url: str, tmp_path: Path
) -> None:
    async with product(broker_url, tmp_path) as office:
        await office.order("/groups", {"name": files.GROUP})
        await office.start_stranger()
        log = (tmp_path / "agent.log").read_text()
        assert f"There is no queue 'agent.{files.AGENT}' on the broker" in log
        assert f"halo-controller agents add {files.AGENT} --group GROUP" in log

        await office.order("/agents", {"name": files.AGENT, "group": files.GROUP})

        await until(office.agent_is_online)


async def test_an_agent_that_was_removed_takes_no_more_work_and_does_not_start_again(
    broker_url: str, tmp_path: Path
) -> None:
    async with product(broker_url, tmp_path) as office:
        await office.installed()
        await office.type("halo-controller", "agents", "remove", files.AGENT)

        async def rests() -> bool:
            return "drained_by_the_controller" in (tmp_path / "agent.log").read_text()

        await until(rests)
        office.kill("agent")
        said = await office.type("halo-agent", "run")

        assert said.code == 2
        assert said.err.splitlines()[-1] == (
            f"The controller does not know an agent '{files.AGENT}'. Register it there with: "
            f"halo-controller agents add {files.AGENT} --group GROUP"
        )
