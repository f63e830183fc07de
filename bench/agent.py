"""A real agent as a process of its own."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml

from bench.specs import AGENT
from halo_sandbox.demo.world import BIN
from halo_sandbox.services import processes


@asynccontextmanager
async def at_work(url: str, folder: Path, client_secret: str) -> AsyncIterator[None]:
    """The command `halo-agent run` on this broker, with what it keeps in this folder."""
    settings = folder / "agent.yaml"
    settings.write_text(yaml.safe_dump({"name": AGENT, "data": str(folder / "agent")}), encoding="utf-8")
    environment = os.environ | {
        "HALO_BROKER_URL": url,
        "HALO_SECRET_HALO": client_secret,
        "HALO_AGENT_CONFIG": str(settings),
    }
    command = (str(BIN / "halo-agent"), "run")
    child = processes.child(command, folder=folder, output=folder / "agent.log", env=environment)
    async with processes.in_own_thread(child):
        yield
