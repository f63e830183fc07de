"""An agent's deputy: it speaks while the agent can't, and says goodbye when it is gone. Real processes, a real broker."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from halo_sandbox.demo.world import until
from halo_shared.messages.requests import REQUESTS, Goodbye, Heartbeat, Request
from halo_shared.topology import EXCHANGES, FIXED_QUEUES, REQUESTS_QUEUE
from halo_shared.transport.amqp import AmqpTransport
from halo_shared.transport.consuming import serve_batches
from tests.support.builders import SESSION

AGENT = """
import asyncio, ctypes, sys
from uuid import UUID, uuid4
from halo_agent.deputy import Orders
from halo_agent.pulse import Pulse
from halo_shared.clock import SystemClock
from halo_shared.messages.requests import Heartbeat

URL, SESSION = sys.argv[1:]

def beat():
    print("fed", flush=True)
    return Heartbeat(agent="one", session=UUID(SESSION), ask=uuid4(), doing=("a run: reading",))

async def main():
    pulse = asyncio.create_task(Pulse(Orders(URL, "one", SESSION, every=2), beat, SystemClock()).run())
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        if line == "hold\\n":
            ctypes.PyDLL(None).sleep(6)  # no other thread of this process runs meanwhile
    pulse.cancel()
    await asyncio.gather(pulse, return_exceptions=True)

asyncio.run(main())
"""


class Ears:
    """What arrived where agents ask."""

    def __init__(self) -> None:
        self.said: list[Request] = []

    async def hear(self, *requests: Request) -> None:
        self.said.extend(requests)

    async def moved(self) -> bool:
        """Whether a heartbeat came that says the loop does not move."""
        return any(isinstance(one, Heartbeat) and one.stalled > 0 for one in self.said)

    async def quiet(self) -> bool:
        """Whether for a while nothing more came."""
        before = len(self.said)
        await asyncio.sleep(3)
        return len(self.said) == before

    async def parted(self) -> bool:
        return any(isinstance(one, Goodbye) for one in self.said)


@pytest.fixture
async def ears(broker_url: str) -> AsyncIterator[Ears]:
    """The place where an agent is heard."""
    ears = Ears()
    async with AmqpTransport(broker_url, name="test") as transport:
        await transport.declare(*EXCHANGES, *FIXED_QUEUES)
        listening = asyncio.create_task(
            serve_batches(transport, REQUESTS_QUEUE, REQUESTS, ears.hear, prefetch=10)
        )
        yield ears
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


@asynccontextmanager
async def an_agent(broker_url: str, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process with a deputy; it holds the interpreter for six seconds each time it is told to."""
    script = folder / "agent.py"
    script.write_text(AGENT)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, script, broker_url, str(SESSION)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        for _ in range(2):  # with the second its deputy has the first, and knows what to say
            assert await process.stdout.readline() == b"fed\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def hold(agent: asyncio.subprocess.Process) -> None:
    assert agent.stdin is not None
    agent.stdin.write(b"hold\n")
    await agent.stdin.drain()


async def test_while_the_interpreter_is_held_the_deputy_says_that_the_agent_lives_and_does_not_move(
    broker_url: str, ears: Ears, tmp_path: Path
) -> None:
    async with an_agent(broker_url, tmp_path) as agent:
        assert ears.said == []  # an idle deputy says nothing
        await hold(agent)
        await until(ears.moved)

    beat = next(one for one in ears.said if isinstance(one, Heartbeat))
    assert (beat.agent, beat.session, beat.doing) == ("one", SESSION, ("a run: reading",))


async def test_while_the_agent_is_frozen_the_deputy_says_so_and_falls_silent_when_it_moves_again(
    broker_url: str, ears: Ears, tmp_path: Path
) -> None:
    async with an_agent(broker_url, tmp_path) as agent:
        agent.send_signal(signal.SIGSTOP)
        await until(ears.moved)
        agent.send_signal(signal.SIGCONT)
        await until(ears.quiet)


@pytest.mark.parametrize("how", [signal.SIGKILL, None], ids=["killed", "ended"])
async def test_when_the_agent_is_gone_its_deputy_says_goodbye(
    broker_url: str, ears: Ears, tmp_path: Path, how: signal.Signals | None
) -> None:
    async with an_agent(broker_url, tmp_path) as agent:
        if how:
            agent.send_signal(how)
        elif agent.stdin:
            agent.stdin.close()
        await until(ears.parted)

    assert ears.said == [Goodbye(agent="one", session=SESSION)]
