"""One running Halo instance: its rows and everything it remembers between requests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from halo_sandbox import seed
from halo_sandbox.auth import Tokens
from halo_sandbox.faults import Faults
from halo_sandbox.journal import Journal
from halo_sandbox.limiter import RollingWindow
from halo_sandbox.resources import RESOURCES
from halo_sandbox.settings import SandboxSettings
from halo_sandbox.storage import Storage
from halo_shared.clock import Clock


class Instance:
    """What requests act on. `switches` is replaced as a whole when somebody turns one."""

    def __init__(self, settings: SandboxSettings, storage: Storage, clock: Clock) -> None:
        self.settings = settings
        self.switches = settings.switches
        self.storage = storage
        self.clock = clock
        self.tokens = Tokens(clock)
        self.window = RollingWindow(clock)
        self.faults = Faults()
        self.journal = Journal()
        self._late: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: SandboxSettings, clock: Clock) -> AsyncIterator["Instance"]:
        tables = [resource.table for resource in RESOURCES.values()]
        async with Storage.open(settings.database, tables) as storage:
            await seed.plant(settings.seed, storage, clock)
            instance = cls(settings, storage, clock)
            try:
                yield instance
            finally:
                await instance.close()

    def do_later(self, seconds: float, deed: Callable[[], Awaitable[None]]) -> None:
        """Do this after a while, whoever asked for it has long gone."""

        async def wait_and_do() -> None:
            await self.clock.sleep(seconds)
            await deed()

        task = asyncio.create_task(wait_and_do())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def close(self) -> None:
        """Do nothing more of what was to be done later."""
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    async def reset(self) -> None:
        """Back to the seed. Tokens stay good, so that a running client is not disturbed."""
        self.switches = self.settings.switches
        self.faults.clear()
        self.journal.clear()
        self.window.clear()
        async with self.storage.transaction():
            await self.storage.clear()
        await seed.plant(self.settings.seed, self.storage, self.clock)
