"""Keeping the broker's exchanges and queues as they should be: at the start, and again after a broker lost them."""

import asyncio
from typing import Final

from halo_controller.store import agents, tenants
from halo_controller.store.database import Database
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.errors import TransientError
from halo_shared.topology import EXCHANGES, FIXED_QUEUES, agent_queue, jobs_queue
from halo_shared.transport import Transport

log = logs.get(__name__)

RETRY: Final = 2.0
EVERY: Final = 300.0
"""Seconds between declarations: queues of groups and agents that were added while the broker was away come with them."""


class Declarer:
    """Declares everything, until the broker has it and every few minutes after."""

    def __init__(self, database: Database, transport: Transport, clock: Clock) -> None:
        self._database = database
        self._transport = transport
        self._clock = clock
        self.declared = asyncio.Event()
        """Set once everything was there."""

    async def run(self) -> None:
        """Declare for ever."""
        while True:
            try:
                await self.declare()
            except TransientError as error:
                log.warning("topology_waits", why=error.message)
                await self._clock.sleep(RETRY)
            else:
                self.declared.set()
                await self._clock.sleep(EVERY)

    async def declare(self) -> None:
        """Make every exchange and queue exist, those of all groups and agents included."""
        async with self._database.read() as db:
            groups = await tenants.every_group(db)
            known = await agents.every(db)
        await self._transport.declare(
            *EXCHANGES,
            *FIXED_QUEUES,
            *(jobs_queue(group.name) for group in groups),
            *(agent_queue(agent.name) for agent in known),
        )
