"""Running the demo: build its world, tell its story, and say in the exit code whether all of it was true."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

from halo_sandbox.demo import story
from halo_sandbox.demo.one_process import OneProcessWorld
from halo_sandbox.demo.people import people_source
from halo_sandbox.demo.processes import ProcessWorld
from halo_sandbox.demo.world import BrokenPromise, World
from halo_sandbox.server import running
from halo_sandbox.services import processes, rabbitmq


async def demo(*, keep: bool, in_memory: bool) -> int:
    """Show the product at work; 0 when every promise was kept, else 1."""
    console = Console(highlight=False)
    began = time.monotonic()
    with TemporaryDirectory(prefix="halo-demo-") as folder:
        async with _world(Path(folder), console, in_memory=in_memory) as world:
            try:
                await story.tell(world)
            except (BrokenPromise, processes.ServiceError, TimeoutError) as error:
                console.print(
                    Text(f"✗ The demo broke a promise: {str(error) or 'it took too long'}", style="bold red")
                )
                world.show_logs()
                return 1
            seconds = time.monotonic() - began
            console.print()
            console.print(Text(f"✓ All of it was true, in {seconds:.0f} seconds.", style="bold green"))
            if keep:
                await _keep(world, console)
    return 0


@asynccontextmanager
async def _world(folder: Path, console: Console, *, in_memory: bool) -> AsyncIterator[World]:
    """Everything that the story needs, ended in the opposite order."""
    async with AsyncExitStack() as stack:
        if not in_memory and (os.environ.get("HALO_BROKER_URL") or rabbitmq.installed()):
            console.print("Starting a private RabbitMQ, a directory, a Halo stand-in and the controller ...")
            broker = asyncio.create_task(stack.enter_async_context(rabbitmq.broker()))
            people = await stack.enter_async_context(people_source(folder))
            sandbox = await stack.enter_async_context(running())
            world: World = ProcessWorld(await broker, folder, sandbox, people, console, stack)
        else:
            console.print(
                "Without RabbitMQ: this runs in one process, on the in-memory transport "
                "(apt-get install rabbitmq-server for the real thing)."
            )
            people = await stack.enter_async_context(people_source(folder))
            sandbox = await stack.enter_async_context(running())

            world = OneProcessWorld(folder, sandbox, people, console, stack)
        console.print(f"  people: {people.described}")
        console.print(f"  Halo:   a strict stand-in at {sandbox.url}")
        await world.start_controller()
        yield world


async def _keep(world: World, console: Console) -> None:
    """Leave everything up until Ctrl-C, and say how to look around."""
    console.print(Text("\nIt stays up until Ctrl-C. To look around, in another terminal:", style="bold"))
    for name in ("HALO_CONTROLLER_DATA", "HALO_AGENT_CONFIG", "HALO_BROKER_URL"):
        if value := world.environment.get(name):
            console.print(f"  export {name}={value}", soft_wrap=True)
    for line in world.to_look_around():
        console.print(f"  {line}", soft_wrap=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    await stop.wait()
