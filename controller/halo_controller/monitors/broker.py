"""Making and removing monitors on the broker, through RabbitMQ's management API."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

import httpx

from halo_controller.errors import Conflict, NotFound
from halo_controller.monitors.nouns import PREFIX, Admitted, Monitor, NewMonitor
from halo_shared.errors import BrokerUnavailable, PermissionMissing
from halo_shared.topology import EVENTS

Json = Any  # Any: what the management API says

TIMEOUT: Final = 10.0
_PORTS: Final = {"amqp": ("http", 15672), "amqps": ("https", 15671)}
_NOTHING: Final = "^$"


class Monitors:
    """The broker's side of monitors. The broker is where they are kept; the database knows none."""

    def __init__(self, http: httpx.AsyncClient, broker_url: str) -> None:
        self._http = http
        self._broker = urlsplit(broker_url)
        self._vhost = quote(unquote(self._broker.path.removeprefix("/")) or "/", safe="")

    async def add(self, wanted: NewMonitor) -> Admitted:
        """A durable, bounded queue, and an account that may read it and nothing else; raises Conflict."""
        await self.unknown(wanted.name)
        password = secrets.token_urlsafe(24)
        bounds = {"x-max-length": wanted.longest, "x-overflow": "drop-head"}
        queue = f"queues/{self._vhost}/{quote(wanted.queue)}"
        await self._ask("PUT", queue, {"durable": True, "auto_delete": False, "arguments": bounds})
        for key in wanted.keys:
            path = f"bindings/{self._vhost}/e/{EVENTS.name}/q/{quote(wanted.queue)}"
            await self._ask("POST", path, {"routing_key": key, "arguments": {}})
        await self._ask("PUT", f"users/{wanted.account}", {"password": password, "tags": ""})
        only_its_queue = f"^{_literally(wanted.queue)}$"
        rights = {"configure": _NOTHING, "write": _NOTHING, "read": only_its_queue}
        await self._ask("PUT", f"permissions/{self._vhost}/{wanted.account}", rights)
        return Admitted(
            name=wanted.name, queue=wanted.queue, keys=wanted.keys, url=self._url(wanted.account, password)
        )

    async def unknown(self, name: str) -> None:
        """Raise Conflict when there is a monitor of this name."""
        if await self._found(NewMonitor(name=name).queue) is not None:
            raise Conflict(
                f"There is a monitor '{name}' already; remove it first with: "
                f"halo-controller monitors remove {name}"
            )

    async def every(self) -> Sequence[Monitor]:
        """All monitors, by name."""
        # The queue of a person who just looks is not durable.
        durable = [one async for one in self._queues() if one.get("durable")]
        durable.sort(key=lambda one: str(one["name"]))
        return [Monitor.read(one, await self._keys(str(one["name"]))) for one in durable]

    async def remove(self, name: str) -> None:
        """End its queue and its account; raises NotFound."""
        asked = NewMonitor(name=name)
        if await self._found(asked.queue) is None:
            raise NotFound(f"There is no monitor '{name}'. List them with: halo-controller monitors list")
        await self._ask("DELETE", f"users/{asked.account}")
        await self._ask("DELETE", f"queues/{self._vhost}/{quote(asked.queue)}")

    async def _queues(self) -> AsyncIterator[Json]:
        """Every queue of a monitor; the broker looks at names only where it is asked for a page."""
        page, pages = 1, 1
        while page <= pages:
            query = {"page": page, "page_size": 500, "name": f"^{_literally(PREFIX)}", "use_regex": "true"}
            found = await self._ask("GET", f"queues/{self._vhost}", query=query)
            for queue in found["items"]:
                yield queue
            page, pages = page + 1, int(found["page_count"])

    async def _found(self, queue: str) -> Json:
        try:
            return await self._ask("GET", f"queues/{self._vhost}/{quote(queue)}")
        except NotFound:
            return None

    async def _keys(self, queue: str) -> tuple[str, ...]:
        path = f"bindings/{self._vhost}/e/{EVENTS.name}/q/{quote(queue)}"
        return tuple(str(binding["routing_key"]) for binding in await self._ask("GET", path))

    def _url(self, account: str, password: str) -> str:
        port = f":{self._broker.port}" if self._broker.port else ""
        return f"{self._broker.scheme}://{account}:{password}@{self._broker.hostname}{port}/{self._vhost}"

    async def _ask(self, method: str, path: str, body: Json = None, query: Json = None) -> Json:
        try:
            reply = await self._http.request(method, path, json=body, params=query)
        except httpx.HTTPError as error:
            raise BrokerUnavailable(
                f"The broker's management API does not answer at {self._http.base_url} ({type(error).__name__}). "
                "Enable it with: rabbitmq-plugins enable rabbitmq_management, or say where it is with "
                "HALO_CONTROLLER_BROKER_API_URL."
            ) from error
        if reply.status_code == 404:
            raise NotFound(f"The broker knows no {path}.")
        if reply.status_code in (401, 403):
            raise PermissionMissing(
                "The controller's account may not make monitors on the broker; it needs the tag 'administrator': "
                "rabbitmqctl set_user_tags USER administrator"
            )
        if not reply.is_success:
            raise BrokerUnavailable(
                f"The broker's management API refuses {method} {path}: {reply.text[:200]}"
            )
        return reply.json() if reply.content else None


def _literally(name: str) -> str:
    """The name as a regular expression."""
    return name.replace(".", "[.]")


@asynccontextmanager
async def open_monitors(broker_url: str, api_url: str | None) -> AsyncIterator[Monitors]:
    """The monitors of this broker; its API is looked for on the usual port unless its URL is given."""
    broker = urlsplit(broker_url)
    api = urlsplit(api_url) if api_url else None
    scheme, port = _PORTS.get(broker.scheme, _PORTS["amqp"])
    base = (
        f"{api.scheme}://{api.hostname}:{api.port or port}" if api else f"{scheme}://{broker.hostname}:{port}"
    )
    user = (api and api.username) or broker.username or "guest"
    password = (api and api.password) or broker.password or "guest"
    async with httpx.AsyncClient(
        base_url=f"{base}/api/", auth=(unquote(user), unquote(password)), timeout=TIMEOUT
    ) as http:
        yield Monitors(http, broker_url)
