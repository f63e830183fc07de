"""An outside watcher, as healthchecks.io is one: called while all is well, and alarmed when nothing comes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from fastapi import FastAPI, Response

from halo_controller.api.server import listen, listening
from halo_sandbox.demo.world import until

EVERY: Final = 1.0
"""Seconds between calls, the least that the controller knows."""
GRACE: Final = 3.0
"""Seconds of silence that it takes for an accident."""


@dataclass(slots=True)
class Watch:
    """One of those who are to call."""

    url: str
    calls: list[float] = field(default_factory=list)
    """On this loop's clock."""

    @property
    def up(self) -> bool:
        """Whether it was heard of late."""
        return bool(self.calls) and asyncio.get_running_loop().time() - self.calls[-1] < EVERY + GRACE

    async def until(self, *, up: bool) -> None:
        """Return once this is how it looks."""

        async def so() -> bool:
            return self.up is up

        await until(so)

    async def until_called_again(self) -> None:
        """Return once it was called after this moment."""
        before = len(self.calls)

        async def so() -> bool:
            return len(self.calls) > before

        await until(so)


@dataclass(slots=True)
class Watcher:
    """Takes calls under any name."""

    address: str = ""
    watches: dict[str, Watch] = field(default_factory=dict)

    def watch(self, name: str) -> Watch:
        """Expect calls under this name."""
        return self.watches.setdefault(name, Watch(f"{self.address}/ping/{name}"))

    async def take(self, name: str) -> Response:
        """Answer a call."""
        if name not in self.watches:
            return Response("not found", status_code=404)
        self.watches[name].calls.append(asyncio.get_running_loop().time())
        return Response("OK")


@asynccontextmanager
async def watching() -> AsyncIterator[Watcher]:
    """A watcher on any free port until the block ends."""
    watcher = Watcher()
    app = FastAPI()
    app.add_api_route("/ping/{name}", watcher.take, methods=["GET", "HEAD", "POST"])
    async with listening(app, listen("127.0.0.1", 0)) as watcher.address:
        yield watcher
