"""Take jobs and offers, as many at once as there are slots. Knows nothing of what an attempt is."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from pydantic import TypeAdapter

from halo_agent.attempts import Attempts
from halo_agent.leases import Leases
from halo_agent.reporter import EventReporter
from halo_shared import logs
from halo_shared.errors import Settle
from halo_shared.messages.jobs import Job
from halo_shared.telemetry.messaging import processing
from halo_shared.topology import DECLARED_WITHIN, jobs_queue
from halo_shared.transport import Delivery, Transport
from halo_shared.transport.consuming import read, settle

log = logs.get(__name__)

JOBS: Final[TypeAdapter[Job]] = TypeAdapter(Job)

PATIENCE: Final = DECLARED_WITHIN.total_seconds()
"""Seconds for which the queue of the group may be missing."""
COPY_AGAIN_AFTER: Final = 5.0
"""Seconds after which a second copy of a job in hand is looked at again."""


class Worker:
    """Works on as many runs at once as it has slots, and takes no job that it could not start."""

    def __init__(self, transport: Transport, leases: Leases, attempts: Attempts, slots: int) -> None:
        self._transport = transport
        self._leases = leases
        self._attempts = attempts
        self._slots = slots
        self._busy: dict[str, EventReporter | None] = {}
        """What reports on each run in hand; None while its lease is asked for."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._offers: deque[str] = deque()
        self._changed = asyncio.Event()
        self._draining = asyncio.Event()
        self.resting = False
        """Whether the controller wants nothing new to be taken."""

    def doing(self) -> Sequence[str]:
        """One line per run on what is being done."""
        return [
            f"{run}: {reporter.doing if reporter else 'asking for the lease'}"
            for run, reporter in self._busy.items()
        ]

    async def run(self, group: str) -> None:
        """Take jobs and offers until told to drain, then return once the last attempt has ended."""
        taking = {
            asyncio.create_task(self._take_jobs(group), name="jobs"),
            asyncio.create_task(self._take_offers(), name="offers"),
        }
        try:
            ended, _ = await asyncio.wait(taking, return_when=asyncio.FIRST_EXCEPTION)
            for task in ended:
                task.result()
            await self._until(lambda: not self._busy)
        finally:
            for task in taking:
                task.cancel()
            self.cancel()
            await asyncio.gather(*taking, *self._tasks, return_exceptions=True)

    def drain(self) -> None:
        """Take nothing new; what runs goes on to its end."""
        self._draining.set()
        self._note()

    def rest(self, resting: bool) -> None:
        """Take nothing new until told otherwise: what waits goes to the others of the group."""
        if resting is not self.resting:
            log.info("drained_by_the_controller" if resting else "resumed_by_the_controller")
            self.resting = resting
            self._note()

    def offered(self, run: str) -> None:
        """Begin this run, which is offered to this agent alone, as soon as a slot is free.

        When that takes long, somebody else has it by then, and its lease is refused.
        """
        self._offers.append(run)
        self._note()

    def cancel(self) -> None:
        """Stop what runs; each attempt still says its last word."""
        for task in self._tasks:
            if not task.cancelling():  # a second time would cut off the last word
                task.cancel()

    async def _take_jobs(self, group: str) -> None:
        while not self._draining.is_set():
            await self._until(lambda: self._draining.is_set() or self._takes_more)
            if not self._draining.is_set():
                await self._consume_while_free(group)

    async def _take_offers(self) -> None:
        while not self._draining.is_set():
            await self._until(lambda: self._draining.is_set() or (self._takes_more and len(self._offers) > 0))
            if self._draining.is_set():
                return
            run = self._offers.popleft()
            if run not in self._busy:
                self._begin(run, None)

    async def _consume_while_free(self, group: str) -> None:
        """Consume until every slot is taken: a message handed to a full agent would wait while another is idle."""
        consuming = asyncio.create_task(self._consume(group))
        closing = asyncio.create_task(self._until(self._closed))
        try:
            await asyncio.wait({consuming, closing}, return_when=asyncio.FIRST_COMPLETED)
            if consuming.done():
                consuming.result()
        finally:
            for task in (consuming, closing):
                task.cancel()
            await asyncio.gather(consuming, closing, return_exceptions=True)

    @property
    def _takes_more(self) -> bool:
        return not self.resting and len(self._busy) < self._slots

    def _closed(self) -> bool:
        """Whether to stop consuming: no slot is free or nothing new is wanted, and no message is in hand."""
        asking = any(reporter is None for reporter in self._busy.values())
        return not asking and (self._draining.is_set() or not self._takes_more)

    async def _consume(self, group: str) -> None:
        queue = jobs_queue(group)
        async with self._transport.consume(queue, prefetch=self._slots, patience=PATIENCE) as deliveries:
            async for job, delivery in read(deliveries, JOBS):
                await self._until(partial(self._in_hand_or_free, job.run))
                if job.run in self._busy:
                    # Not settled: the attempt in hand may be lost by now, and this the job of the next one.
                    await settle(delivery, Settle.AGAIN, after=COPY_AGAIN_AFTER)
                elif self._draining.is_set() or self.resting:
                    return
                else:
                    self._begin(job.run, delivery)

    def _in_hand_or_free(self, run: str) -> bool:
        """Whether this run is in hand, or could be begun: an offer may be quicker than the message that waits."""
        return run in self._busy or len(self._busy) < self._slots

    def _begin(self, run: str, delivery: Delivery | None) -> None:
        self._busy[run] = None
        task = asyncio.create_task(self._attempt(run, delivery), name=f"run {run}")
        self._tasks.add(task)
        task.add_done_callback(partial(self._forget, run))

    def _forget(self, run: str, task: "asyncio.Task[None]") -> None:
        # Not in a `finally` of the attempt: a task that is cancelled before its first step never reaches one.
        self._tasks.discard(task)
        self._leases.give_back(run)
        del self._busy[run]
        self._note()

    async def _attempt(self, run: str, delivery: Delivery | None) -> None:
        try:
            with processing(*([delivery] if delivery else [])):
                lease = await self._attempts.claim(run, delivery)
                if lease:
                    reporter = self._busy[run] = self._attempts.reporter(lease)
                    self._note()
                    await self._attempts.work(lease, reporter)
        # The worker's edge: what is wrong with one attempt must not end the others.
        except Exception:
            log.exception("attempt_broken", run=run)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()

    def _note(self) -> None:
        """Let all who wait for a condition look again."""
        self._changed.set()
        self._changed = asyncio.Event()
