"""The demo where no broker can be had: the same path in one process, over the in-memory transport."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from rich.text import Text

from halo_agent import wiring as agent_wiring
from halo_agent.settings import Settings as AgentSettings
from halo_agent.stopping import Stopping
from halo_controller.settings import Settings as ControllerSettings
from halo_sandbox.demo import files
from halo_sandbox.demo.world import World, until
from halo_shared.clock import SystemClock
from halo_shared.messages.events import EVENTS, Level
from halo_shared.redaction import Redactor
from halo_shared.topology import monitor_queue
from halo_shared.transport.consuming import read
from halo_shared.transport.memory import MemoryTransport


class OneProcessWorld(World):
    """Controller and agent in this process; the commands are still commands."""

    async def start_controller(self, stack: AsyncExitStack) -> None:
        ...
