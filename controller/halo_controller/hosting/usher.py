"""The loop that sends the jobs of hosted runs whose turn has come."""

from collections.abc import Callable
from typing import Final

from halo_controller.dispatcher import take_turn
from halo_controller.hosting.turns import turns
from halo_controller.store import hostings, runs
from halo_controller.store.database import Database
from halo_controller.ticking import tick_for_ever
from halo_shared import logs
from halo_shared.clock import Clock

log = logs.get(__name__)

TICK: Final = 1.0


class Usher:
    """Looks every second whether a run that waits may join the line."""

    def __init__(self, database: Database, wake_publisher: Callable[[], None], clock: Clock) -> None:
        self._database = database
        self._wake_publisher = wake_publisher
        self._clock = clock

    async def run(self) -> None:
        """Usher for ever."""
        await tick_for_ever("usher", self.tick, TICK, self._clock)

    async def tick(self) -> None:
        """Let every run whose turn has come join the line."""
        async with self._database.read() as db:
            hosted = await runs.open_hosted(db)
            classes = await hostings.classes(db)
        for run in turns(hosted, classes.runs_at_once):
            async with self._database.write() as db:
                await take_turn(db, run.id, self._clock.now())
            self._wake_publisher()
            log.info("run_joined_the_line", run=run.id, ref=str(run.ref))
