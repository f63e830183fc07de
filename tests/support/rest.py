"""A controller with its REST API on a real socket, and a caller who asks it."""

import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from fastapi import FastAPI

from halo_controller.access.roles import Role
from halo_controller.access.tokens import Token
from halo_controller.api.app import build
from halo_controller.api.server import listen, listening
from halo_controller.cli.serving import OPERATOR, serving
from halo_controller.monitors.broker import Monitors
from halo_controller.publisher import Publisher
from halo_controller.settings import Settings
from halo_controller.store import tokens
from halo_controller.store.database import Database
from halo_controller.wiring import Controller
from halo_shared.clock import SystemClock
from halo_shared.messages.requests import ConnectorSpec
from halo_shared.redaction import Redactor
from halo_shared.topology import Queue
from halo_shared.transport import Transport
from halo_shared.transport.amqp import AmqpTransport
from halo_shared.transport.memory import MemoryTransport
from tests.support.agent_double import LDAP, Script, agent_double, succeed
from tests.support.builders import integration_spec, tenant_spec
from tests.support.clock import eventually
from tests.support.http import client_of

Json = Any  # Any: what an answer or a body holds is what these tests are about

PEOPLE: Final = "/tenants/acme/integrations/people"


class Api:
    """A caller of one API; each verb says which answer it expects."""

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self.http = http
        self.token = token

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, str | int] | None = None,
        *,
        token: str | None = None,
    ) -> httpx.Response:
        """The reply as it came; an empty token sends none."""
        said = self.token if token is None else token
        headers = {"Authorization": f"Bearer {said}"} if said else {}
        return await self.http.request(method, path, json=body, params=query, headers=headers)

    async def get(self, path: str, **query: str | int) -> Json:
        return _answer(await self.ask("GET", path, None, query), 200)

    async def post(self, path: str, body: object = None, *, status: int = 200) -> Json:
        return _answer(await self.ask("POST", path, body), status)

    async def put(self, path: str, body: object) -> Json:
        return _answer(await self.ask("PUT", path, body), 200)

    async def delete(self, path: str) -> None:
        reply = await self.ask("DELETE", path)
        assert (reply.status_code, reply.content) == (204, b"")

    async def refused(
        self, status: int, method: str, path: str, body: object = None, /, **query: str | int
    ) -> str:
        """The sentence of a refusal, which has the one shape."""
        reply = await self.ask(method, path, body, query)
        return refusal(reply, status)["message"]


class Office(Api):
    """A whole controller at work; agents join as doubles over its broker in memory."""

    def __init__(self, http: httpx.AsyncClient, token: str, transport: MemoryTransport) -> None:
        super().__init__(http, token)
        self.transport = transport

    async def set_up(self, *, enabled: bool = True, **spec: Json) -> None:
        """Tenant acme, group site with agent one, and acme/people."""
        await self.post("/tenants", tenant_spec().model_dump(mode="json"), status=201)
        await self.post("/groups", {"name": "site"}, status=201)
        await self.post("/agents", {"name": "one", "group": "site"}, status=201)
        await self.post("/tenants/acme/integrations", definition(**spec), status=201)
        if enabled:
            await self.post(f"{PEOPLE}/enable")

    def agent(
        self,
        script: Script = succeed,
        *,
        name: str = "one",
        connectors: tuple[ConnectorSpec, ...] = (LDAP,),
    ) -> AbstractAsyncContextManager[None]:
        """An agent, at work while the block lasts."""
        return agent_double(self.transport, name, script, connectors=connectors)

    async def run_people(self) -> str:
        """The id of a new run of acme/people."""
        opened = await self.post(f"{PEOPLE}/run", status=202)
        return str(opened["id"])

    async def until(self, run: str, **wanted: Json) -> Json:
        """The run, once it is seen with these values."""
        return await self.until_found(
            f"/runs/{run}", lambda seen: seen if wanted.items() <= seen.items() else None
        )

    async def until_found(self, path: str, look: Callable[[Json], Json]) -> Json:
        """What is found in an answer, once there is something."""
        seen: list[Json] = []

        async def found() -> bool:
            seen[:] = [await self.get(path)]
            return look(seen[0]) is not None

        try:
            await eventually(found)
        except TimeoutError:
            raise AssertionError(f"looked in vain at {path}: {seen}") from None
        return look(seen[0])

    async def until_waiting(self, queue: Queue, messages: int = 1) -> None:
        """Return when so many messages wait in the queue."""

        async def so() -> bool:
            return await self.transport.depth(queue) == messages

        await eventually(so)


@asynccontextmanager
async def an_office(folder: Path) -> AsyncIterator[Office]:
    """A controller with its API, both on their own, until the block is left."""
    settings = Settings(data=folder, port=0)
    transport = MemoryTransport()
    async with serving(settings, transport, Redactor()) as url, client_of(url) as http:
        yield Office(http, settings.token_file.read_text(encoding="utf-8").strip(), transport)


@asynccontextmanager
async def a_broker_that_is_away() -> AsyncIterator[AmqpTransport]:
    """A transport whose broker's port is closed."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with AmqpTransport(f"amqp://127.0.0.1:{port}/", name="halo-controller") as transport:
        yield transport


@asynccontextmanager
async def an_api(
    database: Database, transport: Transport, monitors: Monitors | None = None, app: FastAPI | None = None
) -> AsyncIterator[Api]:
    """The API over a controller whose loops stand still, so that none dies of what a test breaks."""
    clock, token = SystemClock(), tokens.fresh()
    async with database.write() as db:
        await tokens.put(db, Token(name=OPERATOR, role=Role.OPERATOR, created_at=clock.now()), token)
    controller = Controller(database, transport, Publisher(database, transport, clock), clock, monitors)
    with listen("127.0.0.1", 0) as listener:
        async with listening(app or build(controller), listener) as url, client_of(url) as http:
            yield Api(http, token)


def definition(**changes: Json) -> dict[str, Json]:
    """An integration as its file would say it, with these keys written otherwise."""
    return integration_spec().model_dump(mode="json", by_alias=True, exclude_none=True) | changes


def refusal(reply: httpx.Response, status: int) -> dict[str, str]:
    """A refusal's body; it has the one shape, and its message is a sentence."""
    assert reply.status_code == status, reply.text
    body = reply.json()
    assert set(body) == {"error", "message"}
    assert body["error"].isidentifier()
    assert body["message"]
    return {**body}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of an OpenAPI document."""

    method: str
    path: str
    described: Mapping[str, Json]

    @property
    def success(self) -> int:
        """The status of a request that was not refused."""
        return min(int(status) for status in self.described["responses"])

    @property
    def action(self) -> Json:
        """The action that it declares, and so the right that it needs; None where it answers everybody."""
        declared = [action for one in self.described.get("security", ()) for action in one["HTTPBearer"]]
        return declared[0] if len(declared) == 1 else None

    @property
    def body(self) -> Json:
        """What its JSON body may be; None when it takes none."""
        return self.described.get("requestBody", {}).get("content", {}).get("application/json")

    @property
    def example(self) -> Json:
        """A body that the document shows to its readers; None when it shows none."""
        shown = (self.body or {}).get("examples", {}).values()
        return next((example["value"] for example in shown), None)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def operations(document: Json) -> list[Operation]:
    """All operations, in the document's order."""
    return [
        Operation(method.upper(), path, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    ]


def _answer(reply: httpx.Response, status: int) -> Json:
    assert reply.status_code == status, reply.text
    return reply.json()
