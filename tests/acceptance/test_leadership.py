"""Two controllers on one PostgreSQL: one leads, the other takes over, and nothing runs twice."""

import signal
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from halo_controller.leading import TERM
from halo_sandbox.demo.world import until
from halo_sandbox.services import postgres, processes
from halo_shared.transport.amqp import AmqpTransport
from tests.support.agent_double import agent_double
from tests.support.builders import tenant_spec
from tests.support.commands import Centre
from tests.support.rest import definition
from tests.support.services import needed

EVERY: Final = timedelta(seconds=2)

pytestmark = pytest.mark.timeout(400)


class Pair:
    """Two controllers that share a database and a broker, and an agent that works for whichever leads."""

    def __init__(self, centres: Sequence[Centre], processes: Sequence["subprocess.Popen[bytes]"]) -> None:
        self.centres = centres
        self.processes = processes

    async def leader(self) -> int:
        """Which of them leads; asked of one that answers."""
        name = ""
        for centre, process in zip(self.centres, self.processes, strict=True):
            if process.poll() is None:
                async with centre.asking() as api:
                    name = (await api.get("/health"))["leader"]
                break
        return next(place for place, centre in enumerate(self.centres) if name.endswith(str(centre.data)))

    async def runs(self, of: int) -> list[dict[str, Any]]:
        """All runs, oldest first, as this controller shows them."""
        async with self.centres[of].asking() as api:
            found: list[dict[str, Any]] = await api.get("/runs?limit=500")
        return sorted(found, key=lambda run: run["queued_at"])

    async def answers(self) -> bool:
        """Whether both say again how things stand."""
        try:
            for place in range(len(self.centres)):
                await self.runs(place)
        except AssertionError:  # the database is away for them
            return False
        return True

    async def until_more_end(self, of: int) -> float:
        """Wait for a run that is opened from now on and succeeds; answers with the seconds it took."""
        began, known = time.monotonic(), {run["id"] for run in await self.runs(of)}

        async def so() -> bool:
            return any(run["id"] not in known and run["status"] == "succeeded" for run in await self.runs(of))

        await until(so)
        return time.monotonic() - began


@asynccontextmanager
async def a_pair(broker_url: str, database_url: str, folder: Path) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(AmqpTransport(broker_url, name="test"))
        centres, processes = [], []
        for name in ("one", "two"):
            (folder / name).mkdir()
            centre = Centre(folder / name, broker_url, transport, database_url)
            processes.append(await stack.enter_async_context(centre.serving()))
            centres.append(centre)
        async with centres[1].asking() as api:  # the one that does not lead serves the API as well
            await api.post("/tenants", tenant_spec().model_dump(mode="json"), status=201)
            await api.post("/groups", {"name": "site"}, status=201)
            await api.post("/agents", {"name": "site", "group": "site"}, status=201)
            spec = definition(name="people", group="site", schedule={"every": "2s"})
            await api.post("/tenants/acme/integrations", spec, status=201)
        await stack.enter_async_context(agent_double(transport, "site"))
        async with centres[1].asking() as api:
            await api.post("/tenants/acme/integrations/people/enable")
        yield Pair(centres, processes)


def nothing_ran_twice(runs: list[dict[str, Any]]) -> None:
    """Every run ended once, and none began before its interval was over."""
    began = [datetime.fromisoformat(run["queued_at"]) for run in runs]
    assert all(later - earlier >= EVERY for earlier, later in pairwise(began))
    assert all(run["attempt"] <= 2 for run in runs)


async def test_another_takes_over_when_the_leader_is_killed(
    broker_url: str, postgres_url: str, tmp_path: Path
) -> None:
    async with a_pair(broker_url, postgres_url, tmp_path) as pair:
        leader = await pair.leader()
        other = 1 - leader
        await pair.until_more_end(other)

        pair.processes[leader].kill()
        pair.processes[leader].wait()
        await pair.until_more_end(other)

        assert await pair.leader() == other
        nothing_ran_twice(await pair.runs(other))


async def test_a_leader_that_was_frozen_and_comes_back_does_nothing_twice(
    broker_url: str, postgres_url: str, tmp_path: Path
) -> None:
    async with a_pair(broker_url, postgres_url, tmp_path) as pair:
        leader = await pair.leader()
        other = 1 - leader
        await pair.until_more_end(other)

        pair.processes[leader].send_signal(signal.SIGSTOP)
        async with pair.centres[other].asking() as api:

            async def taken_over() -> bool:
                return str((await api.get("/health"))["leader"]).endswith(str(pair.centres[other].data))

            await until(taken_over)
        await pair.until_more_end(other)
        pair.processes[leader].send_signal(signal.SIGCONT)
        await pair.until_more_end(other)

        assert await pair.leader() == other
        nothing_ran_twice(await pair.runs(other))
        assert pair.processes[leader].poll() is None, "it goes on as the one that waits"


async def test_the_database_is_restarted_while_runs_go_on(broker_url: str, tmp_path: Path) -> None:
    with needed():
        async with (
            processes.in_own_thread(postgres.serving()) as server,
            a_pair(broker_url, server.create("shared"), tmp_path) as pair,
        ):
            await pair.until_more_end(0)

            await server.restart(away=TERM.total_seconds() + 2)
            await until(pair.answers)
            await pair.until_more_end(0)

            assert await pair.leader() in (0, 1)
            nothing_ran_twice(await pair.runs(0))
            assert [process.poll() for process in pair.processes] == [None, None], "neither needs a hand"


async def test_one_controller_tells_who_leads(broker_url: str, postgres_url: str, tmp_path: Path) -> None:
    async with a_pair(broker_url, postgres_url, tmp_path) as pair:
        leader = await pair.leader()

        said = await pair.centres[1 - leader].type("health")

        assert "leads" in said.out
        assert str(pair.centres[leader].data) in said.out.replace("\n", "")
