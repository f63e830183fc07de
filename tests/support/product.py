"""The whole product as its users have it: real commands as processes, over a real broker."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from rich.console import Console

from halo_sandbox.demo import files
from halo_sandbox.demo.people import FromSpreadsheet, PeopleSource
from halo_sandbox.demo.processes import ProcessWorld
from halo_sandbox.demo.world import BIN, Json, until
from halo_sandbox.server import running
from halo_sandbox.services.people import people


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command said."""

    code: int
    out: str
    err: str


class Product(ProcessWorld):
    """A controller, an agent and a Halo; tests type commands and look at what Halo holds."""

    async def type(self, program: str, *arguments: str) -> Printed:
        """Run one command to its end, whatever its exit code."""
        command = await asyncio.create_subprocess_exec(
            BIN / program,
            *arguments,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await command.communicate()
        return Printed(command.returncode or 0, out.decode(), err.decode())

    async def order(self, path: str, body: object = None) -> None:
        """Ask the controller's API for what the test at hand is not about: each command is a program that starts."""
        await self._controller("POST", path, json=body)

    async def installed(self) -> None:
        """A tenant, a group and its agent, which is online."""
        await self.order("/tenants", files.tenant(self.sandbox))
        await self.order("/groups", {"name": files.GROUP})
        await self.order("/agents", {"name": files.AGENT, "group": files.GROUP})
        await self.start_agent()

    async def start_stranger(self) -> None:
        """An agent that nobody registered, which the controller shows."""
        await self._start("agent", self._shows_a_stranger, "halo-agent", "run")

    async def _shows_a_stranger(self) -> bool:
        return [one["name"] for one in await self.ask("/strangers")] == [files.AGENT]

    @contextmanager
    def having(self, environment: Mapping[str, str]) -> Iterator[None]:
        """What is started in the block has this in its environment as well."""
        before = dict(self.environment)
        self.environment.update(environment)
        try:
            yield
        finally:
            self.environment.clear()
            self.environment.update(before)

    async def enable(self, content: files.Content) -> str:
        """Create an integration, assign and enable it; answers with its reference."""
        name = str(content["name"])
        ref = f"{files.TENANT}/{name}"
        await self.order(f"/tenants/{files.TENANT}/integrations", {**content, "group": files.GROUP})
        await self.order(f"{_path(ref)}/enable")
        return ref

    async def start(self, ref: str) -> None:
        """Open a run of an integration."""
        await self.order(f"{_path(ref)}/run")

    async def run(self, ref: str) -> Json:
        """Run an integration now and answer with the run as it ended."""
        await self.start(ref)
        return await self.until_ended(ref)

    async def until_status(self, ref: str, status: str) -> Json:
        """The latest run of an integration, once it has this status."""
        found: list[Json] = []

        async def reached() -> bool:
            found[:] = await self.ask("/runs", integration=ref.partition("/")[2], limit=1)
            return bool(found) and found[0]["status"] == status

        await until(reached)
        return found[0]

    async def fault(self, **fault: object) -> None:
        """Let Halo misbehave."""
        await self._halo("POST", "faults", fault)

    async def well_again(self) -> None:
        """Let Halo behave from now on."""
        await self._halo("DELETE", "faults")

    async def revoke_tokens(self) -> None:
        """Let Halo refuse every token it gave."""
        await self._halo("POST", "revoke")

    def kill(self, name: str) -> None:
        """End a program the way a power cut does."""
        self.programs[name].kill()
        self.programs[name].wait()
        if name == "controller":  # the next one says anew where it listens
            (self.folder / "controller" / "address").unlink()


def _path(ref: str) -> str:
    tenant, name = ref.split("/")
    return f"/tenants/{tenant}/integrations/{name}"


@asynccontextmanager
async def product(
    broker_url: str,
    folder: Path,
    source: PeopleSource | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    controller: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Product]:
    """The product with its controller started, until the block ends.

    Its programs have this in their environment, and its controller that as well.
    """
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(running())
        source = source or FromSpreadsheet(folder / "people.xlsx", people(30))
        quiet = Console(quiet=True)
        whole = Product(broker_url, folder, sandbox, source, quiet, stack)
        whole.environment |= environment or {}
        with whole.having(controller):
            await whole.start_controller()
        yield whole
