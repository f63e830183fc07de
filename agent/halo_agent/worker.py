"""Take a job, obtain its lease, run it, say how it ended. Knows nothing of syncing.

The broker's message is acknowledged as soon as the lease is there: from then on the lease is the claim to the run,
and nothing depends on the broker's patience with an unacknowledged message.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Final

from pydantic import TypeAdapter

from halo_agent.leases import Lease, Leases
from halo_agent.reporter import Ending, EventReporter
from halo_shared import logs, telemetry
from halo_shared.errors import Cancelled, ErrorClass, Settle, disposition
from halo_shared.messages.commands import LeaseGranted, LeaseRefused
from halo_shared.messages.jobs import Job
from halo_shared.redaction import Redactor
from halo_shared.telemetry import Attributes
from halo_shared.telemetry.messaging import processing
from halo_shared.topology import jobs_queue
from halo_shared.transport import Delivery, Transport
from halo_shared.transport.consuming import AGAIN_AFTER, read, settle

log = logs.get(__name__)

JOBS: Final[TypeAdapter[Job]] = TypeAdapter(Job)

OVER: Final = 1_000
"""Attempts that are remembered once they are over."""

RunJob = Callable[[Lease, EventReporter], Coroutine[None, None, Ending]]
"""Does the work of one attempt; raises when it can't."""
Report = Callable[[LeaseGranted], EventReporter]
"""A reporter for one attempt."""


class Worker:
    """Works on as many runs at once as it has slots, and takes no job that it could not start."""

    def __init__(
        self,
        transport: Transport,
        leases: Leases,
        run_job: RunJob,
        report: Report,
        redactor: Redactor,
        slots: int,
    ) -> None:
        self._transport = transport
        self._leases = leases
        self._run_job = run_job
        self._report = report
        self._redactor = redactor
        self._slots = slots
        self._busy: dict[str, EventReporter | None] = {}
        self._attempts: set[asyncio.Task[None]] = set()
        self._over: deque[tuple[str, int]] = deque(maxlen=OVER)
        self._offers: asyncio.Queue[str] = asyncio.Queue()
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
        """Take jobs until told to drain, then return once the last attempt has ended."""
        taking_offers = asyncio.create_task(self._take_offers(), name="offers")
        try:
            while not self._draining.is_set():
                await self._until(self._draining_or_free)
                if not self._draining.is_set():
                    await self._take_while_free(group)
            await self._until(lambda: not self._busy)
        finally:
            taking_offers.cancel()
            self.cancel()
            await asyncio.gather(taking_offers, *self._attempts, return_exceptions=True)

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
        self._offers.put_nowait(run)

    def cancel(self) -> None:
        """Stop what runs; each attempt still says its last word."""
        for task in self._attempts:
            if not task.cancelling():  # a second time would cut off the last word
                task.cancel()

    async def _take_while_free(self, group: str) -> None:
        """Consume until every slot is taken: a message handed to a full agent would wait while another is idle."""
        taking = asyncio.create_task(self._take(group))
        closing = asyncio.create_task(self._until(self._closed))
        try:
            await asyncio.wait({taking, closing}, return_when=asyncio.FIRST_COMPLETED)
            if taking.done():
                taking.result()
        finally:
            for task in (taking, closing):
                task.cancel()
            await asyncio.gather(taking, closing, return_exceptions=True)

    @property
    def _takes_more(self) -> bool:
        return not self.resting and len(self._busy) < self._slots

    def _draining_or_free(self) -> bool:
        return self._draining.is_set() or self._takes_more

    def _closed(self) -> bool:
        """Whether to stop consuming: no slot is free or nothing new is wanted, and no message is in hand."""
        asking = any(reporter is None for reporter in self._busy.values())
        return not asking and (self._draining.is_set() or not self._takes_more)

    async def _take(self, group: str) -> None:
        async with self._transport.consume(jobs_queue(group), prefetch=self._slots) as deliveries:
            async for job, delivery in read(deliveries, JOBS):
                if job.run in self._busy:  # a second copy of a job that is in hand
                    await settle(delivery, Settle.DONE)
                    continue
                await self._until(lambda: len(self._busy) < self._slots)
                if self._draining.is_set() or self.resting:
                    return
                self._begin(job.run, delivery)

    async def _take_offers(self) -> None:
        while not self._draining.is_set():
            run = await self._offers.get()
            await self._until(self._draining_or_free)
            if run not in self._busy and not self._draining.is_set():
                self._begin(run, None)

    def _begin(self, run: str, delivery: Delivery | None) -> None:
        self._busy[run] = None
        task = asyncio.create_task(self._attempt(run, delivery), name=f"run {run}")
        self._attempts.add(task)
        task.add_done_callback(partial(self._forget, run))

    def _forget(self, run: str, task: "asyncio.Task[None]") -> None:
        # Not in a `finally` of the attempt: a task that is cancelled before its first step never reaches one.
        self._attempts.discard(task)
        self._leases.give_back(run)
        del self._busy[run]
        self._note()

    async def _attempt(self, run: str, delivery: Delivery | None) -> None:
        try:
            with processing(*([delivery] if delivery else [])):
                lease = await self._claim(run, delivery)
                if lease:
                    await self._work(lease)
        # The worker's edge: what is wrong with one attempt must not end the others.
        except Exception:
            log.exception("attempt_broken", run=run)

    async def _claim(self, run: str, delivery: Delivery | None) -> Lease | None:
        """The lease of this run, or None; settles the message of its job, if there is one, in each case."""
        try:
            with telemetry.span("lease", attributes={"halo.run": run}) as span:
                answer = await self._leases.ask(run)
                if not isinstance(answer, Lease):
                    span.failed(answer.code if answer else "NoAnswer")
        except asyncio.CancelledError:
            await _settle(delivery, Settle.AGAIN)
            raise
        match answer:
            case Lease() if (run, answer.grant.fence) in self._over:
                # A second copy of its job was quicker than its last word, so the controller could not know.
                log.info("attempt_over_already", run=run, fence=answer.grant.fence)
                await _settle(delivery, Settle.DONE)
            case Lease():
                await _settle(delivery, Settle.DONE)
                return answer
            case LeaseRefused():
                log.info("job_refused", run=run, code=answer.code, why=answer.message)
                await _settle_refused(delivery, answer)
            case None:
                log.warning("job_given_back", run=run, why="the controller gave no answer")
                await _settle(delivery, Settle.AGAIN)
        return None

    async def _work(self, lease: Lease) -> None:
        grant = lease.grant
        reporter = self._report(grant)
        self._busy[grant.run] = reporter
        self._note()
        log.info("attempt_started", run=grant.run, fence=grant.fence, attempt=grant.attempt)
        with telemetry.span("attempt", attributes=_about(grant)) as span, telemetry.stages():
            work = asyncio.create_task(self._start(lease, reporter), name=f"work on {grant.run}")
            try:
                await _until_done_or_ended(work, lease)
            finally:
                ending = self._ending(work, lease, reporter)
                span.note({"halo.status": ending.status})
                if ending.failure:
                    span.failed(ending.failure.code)
                self._over.append((grant.run, grant.fence))
                await reporter.finished(ending)
                log.info(
                    "attempt_ended", run=grant.run, fence=grant.fence, status=ending.status, text=ending.text
                )

    async def _start(self, lease: Lease, reporter: EventReporter) -> Ending:
        assignment = lease.grant.assignment
        await reporter.started(assignment.integration.connector, assignment.mode, lease.grant.attempt)
        return await self._run_job(lease, reporter)

    def _ending(self, work: "asyncio.Task[Ending]", lease: Lease, reporter: EventReporter) -> Ending:
        """How the attempt ended, whatever happened to it."""
        error: BaseException | None
        if work.cancelled():
            error = lease.why_ended or Cancelled("The agent was stopped while it worked on this run.")
        else:
            error = work.exception()
        if error is None:
            return work.result()
        if disposition(error).error_class is ErrorClass.INTERNAL:
            log.error("attempt_failed", run=lease.grant.run, exc_info=error)
        return Ending.after(error, reporter.counts, self._redactor)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()

    def _note(self) -> None:
        """Let all who wait for a condition look again."""
        self._changed.set()
        self._changed = asyncio.Event()


def _about(grant: LeaseGranted) -> Attributes:
    return {
        "halo.tenant": grant.assignment.tenant,
        "halo.integration": grant.assignment.integration.name,
        "halo.run": grant.run,
        "halo.fence": grant.fence,
        "halo.attempt": grant.attempt,
    }


async def _settle_refused(delivery: Delivery | None, refused: LeaseRefused) -> None:
    """A job that another agent is to have goes back to the group; any other is over."""
    if refused.again_after is None:
        await _settle(delivery, Settle.DONE)
    else:
        await _settle(delivery, Settle.AGAIN, after=refused.again_after)


async def _settle(delivery: Delivery | None, how: Settle, *, after: float = AGAIN_AFTER) -> None:
    """What was offered has no message of its own: if nobody takes it, the controller gives it to the group."""
    if delivery:
        await settle(delivery, how, after=after)


async def _until_done_or_ended(work: "asyncio.Task[Ending]", lease: Lease) -> None:
    """Return when the work is over; it is cut short when the lease is over or this task is cancelled."""
    watch = asyncio.create_task(lease.over())
    try:
        await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        watch.cancel()
        work.cancel()
        await asyncio.wait({work})
