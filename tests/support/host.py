"""A host of integrations: its controller, whose clock a test sets, and the agents, tools and Halos of its tenants."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import httpx

from halo_controller.api.app import build
from halo_controller.api.server import listen, listening
from halo_controller.cli.serving import operator_token
from halo_controller.store.database import open_database
from halo_controller.wiring import running as controlling
from halo_sandbox.demo import files
from halo_sandbox.demo.world import BIN, Json, until
from halo_sandbox.server import Sandbox
from halo_sandbox.services import processes
from halo_sandbox.services.certificates import Certificates
from halo_shared.transport.amqp import AmqpTransport
from tests.support.clock import FastClock
from tests.support.commands import Printed, printed
from tests.support.entra import CLIENT, populate
from tests.support.graph.server import Graph, graph
from tests.support.http import client_of
from tests.support.rest import Api
from tests.support.sources import SECRET

CONTROLLER: Final = BIN / "halo-controller"
WITHIN: Final = 90.0
"""Real seconds within which what was started is over, on a busy machine."""


class Host(Api):
    """What a test does with it: type commands, let time pass, look at what the Halos hold."""

    def __init__(
        self, http: httpx.AsyncClient, token: str, folder: Path, clock: FastClock, cloud: Graph
    ) -> None:
        super().__init__(http, token)
        self.folder = folder
        self.clock = clock
        self.cloud = cloud
        self.halos: dict[str, Sandbox] = {}
        self.environment = {
            **os.environ,
            "HALO_CONTROLLER_URL": str(http.base_url),
            "HALO_CONTROLLER_TOKEN": token,
        }

    async def type(self, *arguments: str, token: str | None = None) -> Printed:
        """Run one command of the controller to its end, whatever its exit code."""
        command = await asyncio.create_subprocess_exec(
            CONTROLLER,
            *arguments,
            cwd=self.folder,
            env=self.environment | ({"HALO_CONTROLLER_TOKEN": token} if token else {}),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        return await printed(command)

    async def typed(self, *arguments: str, token: str | None = None) -> str:
        """What a command prints that goes well."""
        said = await self.type(*arguments, token=token)
        assert said.code == 0, (arguments, said.out, said.err)
        return said.out

    def tenant(self, name: str, sandbox: Sandbox, **said: object) -> Path:
        """The file of a tenant with this Halo."""
        self.halos[name] = sandbox
        content = dict(files.tenant(sandbox))
        connection = dict(content["halo"])  # type: ignore[call-overload]  # a file's content
        kind = said.pop("kind", "hosted")
        whole = content | {
            "name": name,
            "halo": connection | {"kind": kind, "client_secret": "secret://halo"},
        }
        return files.write(self.folder, name, whole | said)

    def choice(self, tenant: str) -> Path:
        """What a tenant says of its Entra directory, which ten people are in."""
        directory = f"{tenant}.example"
        if directory not in self.cloud.directories:
            populate(self.cloud, directory)
        one = {
            "tenant": directory,
            "client_id": CLIENT,
            "client_secret": "secret://entra",
            "place": {"client": "Acme", "site": "Main"},
        }
        settings = {"directories": [one], "cloud": {"login": self.cloud.url, "graph": self.cloud.url}}
        return files.write(self.folder, f"{tenant}-entra", {"settings": settings})

    async def pass_until(self, end: datetime) -> None:
        """Let time pass from one start to the next; each run comes to its end before."""
        while (following := await self._next_start()) and following <= end:
            self.clock.jump_to(following + timedelta(seconds=1))
        self.clock.jump_to(end)
        await self.idle()

    async def held(self, tenant: str) -> list[str]:
        """The addresses of the people that a tenant's Halo holds."""
        users = await self._halo(tenant, "GET", "held/users")
        return sorted(user["emailaddress"] for user in users)

    async def slow(self, tenant: str, seconds: float) -> None:
        """Let a tenant's Halo take so long for each answer."""
        fault = {"kind": "slow", "seconds": seconds, "times": 10_000}
        await self._halo(tenant, "POST", "faults", fault)

    async def _halo(self, tenant: str, method: str, path: str, body: Json = None) -> Json:
        # A fresh connection: one that lay idle may be closed at its other end by now.
        async with client_of(self.halos[tenant].url) as http:
            reply = await http.request(method, f"/sandbox/{path}", json=body)
        return reply.raise_for_status().json() if reply.content else None

    async def idle(self) -> None:
        """Return once no run is open, and none is due."""
        await until(self._idle, within=WITHIN)

    async def _idle(self) -> bool:
        due = any(one["enabled"] and one["next"]["due"] for one in await self.get("/integrations"))
        return not due and all(run["ended_at"] for run in await self.get("/runs", limit=200))

    async def _next_start(self) -> datetime | None:
        await self.idle()
        moments = [one["next"]["at"] for one in await self.get("/integrations") if one["enabled"]]
        return min((datetime.fromisoformat(moment) for moment in moments if moment), default=None)


@asynccontextmanager
async def a_host(broker_url: str, folder: Path, certificates: Certificates) -> AsyncIterator[Host]:
    """A controller at work over a real broker, and a cloud with Entra tenants."""
    clock = FastClock()
    async with (
        graph(certificates) as cloud,
        AmqpTransport(broker_url, name="halo-controller") as transport,
        open_database(folder / "controller.db") as database,
    ):
        token = await operator_token(database, folder / "operator.token", clock)
        with listen("127.0.0.1", 0) as listener:
            async with (
                controlling(database, transport, clock) as controller,
                listening(build(controller), listener) as url,
                client_of(url) as http,
            ):
                yield Host(http, token.get_secret_value(), folder, clock, cloud)


@asynccontextmanager
async def agents(
    host: Host, broker_url: str, certificates: Certificates, secrets: dict[str, dict[str, str]]
) -> AsyncIterator[None]:
    """The agents of these names as processes, each with its secrets, until the block ends."""
    environment = {**os.environ, "HALO_BROKER_URL": broker_url, "SSL_CERT_FILE": str(certificates.authority)}
    async with AsyncExitStack() as stack:
        for name, values in secrets.items():
            home = host.folder / name
            home.mkdir()
            files.write(home, "secrets", values).chmod(0o600)
            config = files.write(home, "agent", {"name": name, "data": str(home)})
            command = (str(BIN / "halo-agent"), "run", "--config", str(config))
            log = home / "agent.log"
            child = processes.child(command, folder=home, output=log, env=environment)
            await stack.enter_async_context(processes.in_own_thread(child))
        await until(lambda: _all_online(host, len(secrets)), within=WITHIN)
        yield


async def _all_online(host: Host, count: int) -> bool:
    states: list[Json] = [agent["state"] for agent in await host.get("/agents")]
    return states == ["online"] * count


SECRETS: Final = {"halo": "sandbox-secret", "entra": SECRET}
