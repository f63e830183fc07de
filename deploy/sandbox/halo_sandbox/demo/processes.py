"""The demo's world as it is in real life: controller and agent as processes, over a real broker."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from halo_sandbox.demo import files
from halo_sandbox.demo.people import PeopleSource
from halo_sandbox.demo.world import BIN, World, until
from halo_sandbox.server import Sandbox
from halo_sandbox.services import processes
from halo_sandbox.services.processes import ServiceError


class ProcessWorld(World):
    """Controller and agent as processes of their own, over a real broker."""

    def __init__(
        self,
        broker_url: str,
        folder: Path,
        sandbox: Sandbox,
        people: PeopleSource,
        console: Console,
        stack: AsyncExitStack,
    ) -> None:
        super().__init__(folder, sandbox, people, console, stack)
        self.environment["HALO_BROKER_URL"] = broker_url
        self.programs: dict[str, subprocess.Popen[bytes]] = {}
        """The controller and the agent, as they were last started."""

    async def start_controller(self) -> None:
        await self._start("controller", self._controller_is_ready, "halo-controller", "serve", "--port", "0")

    async def start_agent(self) -> None:
        self.console.print(Text("$ halo-agent run --config agent.yaml", style="bold"))
        await self._start("agent", self.agent_is_online, "halo-agent", "run")

    @asynccontextmanager
    async def tail(self, *, integration: str) -> AsyncIterator["asyncio.Task[str]"]:
        of = ("--tenant", files.TENANT, "--integration", integration, "--level", "error")
        self._typed(("events", "tail", *of))
        command = await asyncio.create_subprocess_exec(
            *(BIN / "halo-controller", "events", "tail", *of, "--count", "1"),
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            if command.stderr:
                await command.stderr.readline()  # it says that it watches once its queue is bound
            yield asyncio.create_task(self._heard(command))
        finally:
            if command.returncode is None:
                command.terminate()
                await command.wait()

    async def _heard(self, command: asyncio.subprocess.Process) -> str:
        printed, _ = await command.communicate()
        text = printed.decode().strip()
        self.console.print(Text(text, style="yellow"))
        return text

    async def _start(
        self, name: str, ready: Callable[[], Awaitable[bool]], program: str, *arguments: str
    ) -> None:
        """A program of the product, until the world ends; raises ServiceError when it ends at once."""
        process = await self._stack.enter_async_context(
            processes.in_own_thread(
                processes.child(
                    (str(BIN / program), *arguments),
                    folder=self.folder,
                    output=self.folder / f"{name}.log",
                    env=self.environment,
                )
            )
        )

        self.programs[name] = process

        async def ready_or_ended() -> bool:
            if process.poll() is not None:
                raise ServiceError(f"{program} ended with {process.returncode} while it started")
            return await ready()

        await until(ready_or_ended)

    async def _controller_is_ready(self) -> bool:
        return await asyncio.to_thread((self.folder / "controller" / "address").exists)
