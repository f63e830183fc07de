"""From the outbox to the broker: nothing leaves the outbox before the broker has confirmed it."""

import asyncio
from collections.abc import Sequence
from enum import Enum
from typing import Final

from halo_controller.store import outbox, runs
from halo_controller.store.database import Database
from halo_controller.store.outbox import Outgoing
from halo_controller.ticking import outlasting_passing_faults
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.errors import BrokerUnavailable, HaloIntegratorError, Unroutable
from halo_shared.topology import JOBS
from halo_shared.transport import Transport

log = logs.get(__name__)

BATCH: Final = 200
IDLE: Final = 1.0
"""Seconds between looks into the outbox when nobody says that there is news."""


class _Fate(Enum):
    """What became of a message."""

    SENT = "sent"
    DROPPED = "dropped"
    """Nobody can hear it, and later it would be worth nothing; or its run has ended."""
    LATE = "late"
    """An answer that nobody waits for any more: whoever wanted it has asked again."""
    STUCK = "stuck"
    """A job whose group has no queue, or what the broker does not take; it is kept until it can go."""
    UNSENT = "unsent"
    """The broker is away."""


_GONE: Final = (_Fate.SENT, _Fate.DROPPED, _Fate.LATE)


class Publisher:
    """Publishes the outbox, at once when told of news and every second anyway."""

    def __init__(self, database: Database, transport: Transport, clock: Clock) -> None:
        self._database = database
        self._transport = transport
        self._clock = clock
        self._news = asyncio.Event()
        self._stuck: set[int] = set()

    def wake(self) -> None:
        """There is news in the outbox."""
        self._news.set()

    async def run(self) -> None:
        """Publish for ever."""
        while True:
            self._news.clear()
            some_left = False
            with outlasting_passing_faults("publisher"):
                some_left = await self.publish_some()
            if not some_left:
                await self._until_news()

    async def publish_some(self) -> bool:
        """Publish what waits, oldest first and past what is stuck; False when nothing left the outbox."""
        gone = 0
        after = 0
        while waiting := await self._waiting(after):
            after = waiting[-1].id
            fates = await asyncio.gather(*(self._publish(one) for one in waiting))
            left = [one for one, fate in zip(waiting, fates, strict=True) if fate in _GONE]
            if left:
                await self._confirm(left)
            gone += len(left)
            if _Fate.LATE in fates:
                log.warning("answers_too_late", messages=fates.count(_Fate.LATE))
            if _Fate.UNSENT in fates:
                log.warning("publish_waits", messages=fates.count(_Fate.UNSENT), why="the broker is away")
                break
        return gone > 0

    async def _waiting(self, after: int) -> Sequence[Outgoing]:
        async with self._database.read() as db:
            return await outbox.oldest(db, BATCH, after=after)

    async def _publish(self, outgoing: Outgoing) -> _Fate:
        if outgoing.expires_at and outgoing.expires_at < self._clock.now():
            return _Fate.LATE
        try:
            await self._transport.publish(outgoing.envelope, outgoing.to)
        except BrokerUnavailable:
            return _Fate.UNSENT
        except HaloIntegratorError as error:
            return await self._refused(outgoing, error)
        self._stuck.discard(outgoing.id)
        return _Fate.SENT

    async def _refused(self, outgoing: Outgoing, error: HaloIntegratorError) -> _Fate:
        about = {"kind": outgoing.envelope.kind, "run": outgoing.run, "why": error.message}
        if isinstance(error, Unroutable) and outgoing.to.exchange != JOBS.name:
            log.info("published_to_nobody", **about)
            return _Fate.DROPPED
        if outgoing.id not in self._stuck:  # told once, not every second
            log.error("publish_refused", code=error.code, **about)
        if await self._over(outgoing.run):
            self._stuck.discard(outgoing.id)
            return _Fate.DROPPED
        self._stuck.add(outgoing.id)
        return _Fate.STUCK

    async def _over(self, run_id: str | None) -> bool:
        """Whether this is the job of a run that has ended, which nobody needs any more."""
        if run_id is None:
            return False
        async with self._database.read() as db:
            run = await runs.find(db, run_id)
        return run is not None and run.status.ended

    async def _confirm(self, gone: Sequence[Outgoing]) -> None:
        now = self._clock.now()
        async with self._database.write() as db:
            await outbox.drop(db, [one.id for one in gone])
            if sent := [one.run for one in gone if one.run]:
                await runs.dispatched(db, sent, now)

    async def _until_news(self) -> None:
        try:
            async with asyncio.timeout(IDLE):
                await self._news.wait()
        except TimeoutError:
            return
