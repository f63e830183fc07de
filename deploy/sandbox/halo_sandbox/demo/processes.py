"""The demo's world as it is in real life: controller and agent as processes, over a real broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from halo_sandbox.demo import files
from halo_sandbox.demo.people import PeopleSource
from halo_sandbox.demo.world import BIN, World, until
from halo_sandbox.server import Sandbox
from halo_sandbox.services import processes


class ProcessWorld(World):
    """Controller and agent as processes of their own, over a real broker."""

    def __init__(
        self, broker_url: str, folder: Path, sandbox: Sandbox, people: PeopleSource, console: Console
    ) -> None:
        super().__init__(folder, sandbox, people, console)
        self.environment["HALO_BROKER_URL"] = broker_url
        self._stack: AsyncExitStack | None = None

    async def start_controller(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        await self._process(stack, "controller", "halo-controller", "serve", "--port", "0")
        address = self.folder / "controller" / "address"
        await until(lambda: _exists(address))

    async def start_agent(self) -> None:
        self.console.print(Text("$ halo-agent run --config agent.yaml", style="bold"))
        if self._stack is None:
            raise RuntimeError("the controller must be started first")
        await self._process(self._stack, "agent", "halo-agent", "run")
        await until(self.agent_is_online)

    @asynccontextmanager
    async def tail(self, *, integration: str) -> AsyncIterator["asyncio.Task[str]"]:
        arguments = (
            "events",
            "tail",
            "--tenant",
            files.TENANT,
            "--integration",
            integration,
            "--level",
            "error",
        )
        self._typed(arguments)
        command = await asyncio.create_subprocess_exec(
            BIN / "halo-controller",
            *arguments,
            "--count",
            "1",
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
        )
        # Its queue must be bound before anything is said that it should hear.
        await asyncio.sleep(2)
        try:
            yield asyncio.create_task(self._first(command))
        finally:
            if command.returncode is None:
                command.terminate()
                await command.wait()

    async def _first(self, command: asyncio.subprocess.Process) -> str:
        printed, _ = await command.communicate()
        text = printed.decode().strip()
        self.console.print(Text(text, style="yellow"))
        return text

    async def _process(self, stack: AsyncExitStack, name: str, *command: str) -> None:
        program = (str(BIN / command[0]), *command[1:])
        child = processes.child(
            program, folder=self.folder, output=self.folder / f"{name}.log", env=self.environment
        )
        await stack.enter_async_context(processes.in_own_thread(child))


async def _exists(file: Path) -> bool:
    return await asyncio.to_thread(file.exists)
