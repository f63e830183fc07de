"""A controller as a process of its own, and the commands that a person types beside it."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from halo_sandbox.demo.world import BIN, until
from halo_sandbox.services import processes
from halo_shared.transport import Transport
from halo_shared.transport.amqp import AmqpTransport
from tests.support.agent_double import Script, agent_double, succeed
from tests.support.builders import tenant_spec
from tests.support.http import client_of
from tests.support.rest import Api, definition

PROGRAM: Final = str(BIN / "halo-controller")
PATIENCE: Final = 60.0
"""Seconds after which a command is taken to hang."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command said."""

    code: int
    out: str
    err: str


class Desk:
    """A folder in which commands are typed; its controller, if one runs, keeps its data there."""

    def __init__(self, folder: Path, broker_url: str, database_url: str | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.environment = {
            **os.environ,
            "HALO_CONTROLLER_DATA": str(self.data),
            "HALO_BROKER_URL": broker_url,
            **({"HALO_CONTROLLER_DATABASE_URL": database_url} if database_url else {}),
        }

    async def type(self, *arguments: str) -> Printed:
        """Run one command to its end, whatever its exit code."""
        async with self.typing(*arguments) as command:
            return await printed(command)

    @asynccontextmanager
    async def typing(self, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A command at work; it is ended when the block is left."""
        command = await asyncio.create_subprocess_exec(
            PROGRAM,
            *arguments,
            cwd=self.folder,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield command
        finally:
            if command.returncode is None:
                command.kill()
                await command.communicate()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["subprocess.Popen[bytes]"]:
        """The controller at work on any free port until the block is left."""
        log = self.folder / "controller.log"
        child = processes.child(
            (PROGRAM, "serve", "--port", "0"), folder=self.folder, output=log, env=self.environment
        )

        async def listens() -> bool:
            assert process.poll() is None, log.read_text()
            return (self.data / "address").exists()

        async with processes.in_own_thread(child) as process:
            await until(listens)
            yield process

    def write(self, name: str, content: str) -> str:
        """A file in the folder; answers with its name."""
        (self.folder / name).write_text(content, encoding="utf-8")
        return name

    def left(self, name: str) -> str:
        """What the controller left in this file for commands on this machine."""
        return (self.data / name).read_text(encoding="utf-8").strip()


class Centre(Desk):
    """A desk whose controller runs and knows the tenant acme; agents join as doubles over its broker."""

    def __init__(
        self, folder: Path, broker_url: str, transport: Transport, database_url: str | None = None
    ) -> None:
        super().__init__(folder, broker_url, database_url)
        self.transport = transport

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Api]:
        """The controller's API, for what the test at hand is not about."""
        async with client_of(self.left("address")) as http:
            yield Api(http, self.left("operator.token"))

    async def integrate(self, name: str) -> str:
        """An integration with a group and an agent of its own, all of this name; answers with its reference."""
        async with self.asking() as api:
            await api.post("/groups", {"name": name}, status=201)
            await api.post("/agents", {"name": name, "group": name}, status=201)
            spec = definition(name=name, group=name)
            await api.post("/tenants/acme/integrations", spec, status=201)
            await api.post(f"/tenants/acme/integrations/{name}/enable")
        return f"acme/{name}"

    @asynccontextmanager
    async def site(self, name: str, script: Script = succeed) -> AsyncIterator[str]:
        """The same, with its agent at work until the block is left."""
        ref = await self.integrate(name)
        async with agent_double(self.transport, name, script):
            yield ref

    async def run(self, ref: str) -> str:
        """Open a run; answers with its id."""
        tenant, _, name = ref.partition("/")
        async with self.asking() as api:
            opened = await api.post(f"/tenants/{tenant}/integrations/{name}/run", status=202)
        return str(opened["id"])

    async def until(self, run: str, status: str) -> None:
        """Return once the run has this status."""
        async with self.asking() as api:

            async def so() -> bool:
                return bool((await api.get(f"/runs/{run}"))["status"] == status)

            await until(so)


async def printed(command: asyncio.subprocess.Process) -> Printed:
    """What a command says until its end; one that hangs fails with TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        out, err = await command.communicate()
    assert command.returncode is not None
    return Printed(command.returncode, out.decode(), err.decode())


@asynccontextmanager
async def a_centre(folder: Path, broker_url: str) -> AsyncIterator[Centre]:
    """A controller at work, with one tenant."""
    async with AmqpTransport(broker_url, name="test") as transport:
        centre = Centre(folder, broker_url, transport)
        async with centre.serving():
            async with centre.asking() as api:
                await api.post("/tenants", tenant_spec().model_dump(mode="json"), status=201)
            yield centre
