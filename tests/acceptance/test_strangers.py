"""Agents that nobody registered: they are told so, shown, and wait for it, but not for ever."""

from pathlib import Path

import pytest

from halo_agent import session, wiring
from halo_agent.settings import Settings
from halo_agent.stopping import Stopping
from halo_sandbox.demo import files
from halo_sandbox.demo.world import until
from halo_shared.clock import SystemClock
from halo_shared.errors import ConfigurationError
from halo_shared.redaction import Redactor
from halo_shared.transport.amqp import AmqpTransport
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


async def test_an_agent_that_nobody_registers_ends_with_the_cure(
    broker_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "PATIENCE", 0.5)
    settings = Settings(name="stranger", broker_url=broker_url, data=tmp_path)
    async with AmqpTransport(broker_url, name="stranger") as transport:
        with pytest.RaisesGroup(pytest.RaisesExc(ConfigurationError, match="agents add stranger --group")):
            await wiring.run(settings, transport, SystemClock(), Redactor(), Stopping(), deputised=True)


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
