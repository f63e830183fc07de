"""The sandbox on a real socket: for tests in their own process, and for the command line."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from uvicorn.protocols.http.h11_impl import H11Protocol

from halo_sandbox import api, control
from halo_sandbox.instance import Instance
from halo_sandbox.middleware import TRANSPORT
from halo_sandbox.services.http import Server
from halo_sandbox.settings import SandboxSettings
from halo_shared.clock import Clock, SystemClock

GRACE_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that listens."""

    url: str
    settings: SandboxSettings


class _Protocol(H11Protocol):
    """Hands each request its transport, so that a fault can close the socket under it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        self.app_state = {**self.app_state, TRANSPORT: transport}
        # asyncio leaves this off for a socket it did not make; a reply then waits 40 ms for an ACK.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)


@asynccontextmanager
async def running(
    settings: SandboxSettings | None = None, clock: Clock | None = None
) -> AsyncIterator[Sandbox]:
    """A sandbox that answers at `.url` until the block ends."""
    settings = settings or SandboxSettings()
    async with Instance.open(settings, clock or SystemClock()) as instance:
        listener = _listen(settings)
        server = _server(instance)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await server.listening.wait()
            yield Sandbox(_url(settings.host, listener), settings)
        finally:
            server.should_exit = True
            await serving


def _listen(settings: SandboxSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host, settings.port), family=family)


def _server(instance: Instance) -> Server:
    app = Starlette(
        routes=[
            Mount("/sandbox", control.application(instance)),
            Mount("/", api.application(instance)),
        ]
    )
    return Server(
        uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )


def _url(host: str, listener: socket.socket) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"
