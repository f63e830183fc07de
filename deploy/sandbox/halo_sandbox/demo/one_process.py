"""The demo where no broker can be had: the same path in one process, over the in-memory transport."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, redirect_stderr, suppress
from pathlib import Path

from rich.console import Console
from rich.text import Text

from halo_agent import wiring
from halo_agent.settings import Settings as AgentSettings
from halo_agent.stopping import Stopping
from halo_controller.cli.serving import serving
from halo_controller.settings import Settings as ControllerSettings
from halo_sandbox.demo import files
from halo_sandbox.demo.people import PeopleSource
from halo_sandbox.demo.world import World, until
from halo_sandbox.server import Sandbox
from halo_shared import logs
from halo_shared.clock import SystemClock
from halo_shared.messages.events import EVENTS, Level
from halo_shared.redaction import Redactor
from halo_shared.topology import monitor_queue
from halo_shared.transport.consuming import read
from halo_shared.transport.memory import MemoryTransport


class OneProcessWorld(World):
    """Controller and agent in this process; the commands are still commands."""

    def __init__(
        self, folder: Path, sandbox: Sandbox, people: PeopleSource, console: Console, stack: AsyncExitStack
    ) -> None:
        super().__init__(folder, sandbox, people, console, stack)
        self._transport = MemoryTransport()
        self._redactor = Redactor()
        stack.enter_context(_logs_kept(folder / "one-process.log", self._redactor))

    async def start_controller(self) -> None:
        settings = ControllerSettings(
            data=self.folder / "controller",
            port=0,
            mail_url=self.mailbox.url(),
            mail_from=files.SENDER,
            mail_ca=self.mailbox.authority,
        )
        await self._stack.enter_async_context(serving(settings, self._transport, self._redactor))

    async def start_agent(self) -> None:
        self.console.print(Text("(the agent runs in this process)", style="dim"))
        await self._stack.enter_async_context(self._agent())
        await until(self.agent_is_online)

    @asynccontextmanager
    async def tail(self, *, integration: str) -> AsyncIterator["asyncio.Task[str]"]:
        queue = monitor_queue("demo", tenant=files.TENANT, integration=integration, level=Level.ERROR)
        async with self._transport.consume(queue, prefetch=10) as deliveries:

            async def first() -> str:
                async for event, delivery in read(deliveries, EVENTS):
                    await delivery.done()
                    self.console.print(Text(f"{event.level} {event.text}", style="yellow"))
                    return event.text
                return ""

            yield asyncio.create_task(first())

    @asynccontextmanager
    async def _agent(self) -> AsyncIterator[None]:
        settings = AgentSettings(
            name=files.AGENT, broker_url="", data=self.folder / "agent", secrets=self.folder / "secrets.yaml"
        )
        stopping = Stopping()
        running = asyncio.create_task(
            wiring.run(settings, self._transport, SystemClock(), self._redactor, stopping, deputised=False)
        )
        try:
            yield
        finally:
            stopping.ask()
            with suppress(asyncio.CancelledError):
                await running


@contextmanager
def _logs_kept(file: Path, redactor: Redactor) -> Iterator[None]:
    """Let the programs log into this file: their lines would stand between the story's."""
    before = list(logging.getLogger().handlers)
    with file.open("a", encoding="utf-8") as log:
        with redirect_stderr(log):
            logs.configure(redactor, style="text")
        try:
            yield
        finally:
            logging.getLogger().handlers = before
