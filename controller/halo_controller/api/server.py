"""Serving the API in the event loop of the controller itself."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

import uvicorn
from fastapi import FastAPI

from halo_shared.errors import SettingsInvalid

GRACE_SECONDS: Final = 3
"""How long requests under way may take when the controller stops."""


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone: whoever runs it decides when to stop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A socket bound there, port 0 meaning any free one; raises SettingsInvalid when that is not possible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise SettingsInvalid(
            f"The controller cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}. "
            "Choose another with --host and --port."
        ) from error
    # Connections inherit it. Without it the body of every answer waits 40 ms for the caller to acknowledge the
    # headers; asyncio sets it by itself only on sockets that name their protocol, which this one does not.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@asynccontextmanager
async def listening(app: FastAPI, listener: socket.socket) -> AsyncIterator[str]:
    """Answers on this socket, at the URL it gives, until the block is left."""
    server = _Server(
        uvicorn.Config(
            app,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(sockets=[listener]), name="api")
        try:
            await server.listening.wait()
            yield _url(listener)
        finally:
            server.should_exit = True


def _url(listener: socket.socket) -> str:
    """Where clients on this machine find it."""
    bound, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bound, bound)  # noqa: S104  only translated
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
