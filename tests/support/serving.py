"""An ASGI application on a real socket of this machine, with TLS where a client insists on it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from halo_sandbox.services.certificates import Certificates


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: Starlette, certificates: Certificates) -> AsyncIterator[str]:
    """The application at an https address of localhost, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = _Server(
        uvicorn.Config(
            app,
            ssl_certfile=certificates.certificate,
            ssl_keyfile=certificates.key,
            lifespan="off",
            log_config=None,
            access_log=False,
        )
    )
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await server.listening.wait()
        yield f"https://localhost:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
