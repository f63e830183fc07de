"""An ASGI application on a real socket of this machine, with TLS where a client insists on it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from halo_sandbox.services.certificates import Certificates
from halo_sandbox.services.http import Server


@asynccontextmanager
async def serving(app: Starlette, certificates: Certificates) -> AsyncIterator[str]:
    """The application at an https address of localhost, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(
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
