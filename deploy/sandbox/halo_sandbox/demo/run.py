"""Running the demo: build its world, tell its story, and say in the exit code whether all of it was true."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import httpx
from rich.console import Console
from rich.text import Text

from halo_sandbox.demo import story
from halo_sandbox.demo.one_process import OneProcessWorld
from halo_sandbox.demo.people import people_source
from halo_sandbox.demo.processes import ProcessWorld
from halo_sandbox.demo.world import BrokenPromise, World
from halo_sandbox.server import running
from halo_sandbox.services import processes, rabbitmq
from halo_shared.errors import HaloIntegratorError
from halo_shared.exits import leaves

FAILURES: Final = (
    BrokenPromise,
    processes.ServiceError,
    HaloIntegratorError,
    httpx.HTTPError,
    OSError,  # TimeoutError too
)
"""What a machine or a promise can do to the demo; anything else is a bug, and shows its traceback."""
USUAL_SECONDS: Final = 60
WITHOUT_BROKER: Final = (
    "Without RabbitMQ: this runs in one process, on the in-memory transport "
    "(apt-get install rabbitmq-server for the real thing)."
)


async def demo(*, keep: bool, in_memory: bool, active_directory: bool) -> int:
    """Show the product at work; 0 when every promise was kept, else 1."""
    console = Console(highlight=False)
    began = time.monotonic()
    failures: list[BaseException] = []
    with TemporaryDirectory(prefix="halo-demo-") as folder:
        try:
            async with _world(
                Path(folder), console, in_memory=in_memory, active_directory=active_directory
            ) as world:
                await story.tell(world)
                _say_it_was_true(console, time.monotonic() - began)
                if keep:
                    await _keep(world, console)
        except* FAILURES as group:
            failures.extend(leaves(group))
            _say_what_failed(console, failures[0])
            _show_logs(console, Path(folder))
    return 1 if failures else 0


@asynccontextmanager
async def _world(
    folder: Path, console: Console, *, in_memory: bool, active_directory: bool
) -> AsyncIterator[World]:
    """Everything that the story needs, ended in the opposite order."""
    async with AsyncExitStack() as stack:
        async with asyncio.TaskGroup() as starting:
            broker = starting.create_task(_broker_url(console, stack, in_memory=in_memory))
            source = starting.create_task(
                stack.enter_async_context(people_source(folder, active_directory=active_directory))
            )
        url, people = broker.result(), source.result()
        sandbox = await stack.enter_async_context(running())
        world: World = (
            ProcessWorld(url, folder, sandbox, people, console, stack)
            if url
            else OneProcessWorld(folder, sandbox, people, console, stack)
        )
        console.print(f"  people: {people.described}")
        console.print(f"  Halo:   a strict stand-in at {sandbox.url}")
        await world.start_controller()
        yield world


async def _broker_url(console: Console, stack: AsyncExitStack, *, in_memory: bool) -> str | None:
    """Where the broker is; None where the demo has to do without one, which it says."""
    given = os.environ.get("HALO_BROKER_URL")
    if in_memory or not (given or rabbitmq.installed()):
        console.print(WITHOUT_BROKER)
        return None
    if given:
        console.print(
            "Starting a directory, a Halo stand-in and the controller; "
            "the broker of HALO_BROKER_URL lends a virtual host ..."
        )
        return await stack.enter_async_context(rabbitmq.GivenRabbitMQ(given).vhost())
    console.print("Starting a private RabbitMQ, a directory, a Halo stand-in and the controller ...")
    try:
        private = await stack.enter_async_context(rabbitmq.private_rabbitmq())
    except processes.ServiceError as error:
        console.print(
            Text(f"RabbitMQ is installed, but does not start: {error}", style="yellow"), soft_wrap=True
        )
        console.print(WITHOUT_BROKER)
        return None
    return private.url


def _say_it_was_true(console: Console, seconds: float) -> None:
    console.print()
    console.print(Text(f"✓ All of it was true, in {seconds:.0f} seconds.", style="bold green"))
    if seconds > USUAL_SECONDS:
        console.print(
            Text("It usually takes less than a minute: this machine is slow or busy.", style="yellow")
        )


def _say_what_failed(console: Console, error: BaseException) -> None:
    what = "The demo broke a promise" if isinstance(error, BrokenPromise) else "The demo could not go on"
    console.print(Text(f"✗ {what}: {str(error) or 'it took too long'}", style="bold red"), soft_wrap=True)


def _show_logs(console: Console, folder: Path) -> None:
    """What the programs said last, for whoever has to find out what went wrong."""
    for log in sorted(folder.glob("*.log")):
        console.print(Text(f"--- {log.name}", style="bold"))
        console.print(processes.last_lines(log), soft_wrap=True, markup=False)


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
