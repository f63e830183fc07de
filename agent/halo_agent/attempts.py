"""One attempt at a run: obtain its lease, do its work, say how it ended. Knows nothing of syncing.

The broker's message is acknowledged as soon as the lease is there: from then on the lease is the claim to the run,
and nothing depends on the broker's patience with an unacknowledged message.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Final

from halo_agent.leases import Lease, Leases
from halo_agent.reporter import Ending, EventReporter
from halo_shared import logs, telemetry
from halo_shared.errors import Cancelled, ErrorClass, Settle, disposition
from halo_shared.messages.commands import LeaseGranted, LeaseRefused
from halo_shared.redaction import Redactor
from halo_shared.telemetry import Attributes
from halo_shared.transport import Delivery
from halo_shared.transport.consuming import AGAIN_AFTER, settle

log = logs.get(__name__)

OVER: Final = 1_000
"""Attempts that are remembered once they are over."""

RunJob = Callable[[Lease, EventReporter], Coroutine[None, None, Ending]]
"""Does the work of one attempt; raises when it can't."""
Report = Callable[[LeaseGranted], EventReporter]
"""A reporter for one attempt."""


class Attempts:
    """Makes the attempts of one agent."""

    def __init__(self, leases: Leases, run_job: RunJob, report: Report, redactor: Redactor) -> None:
        self._leases = leases
        self._run_job = run_job
        self._report = report
        self._redactor = redactor
        self._over: deque[tuple[str, int]] = deque(maxlen=OVER)

    async def claim(self, run: str, delivery: Delivery | None) -> Lease | None:
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

    def reporter(self, lease: Lease) -> EventReporter:
        """What says how the attempt under this lease goes."""
        return self._report(lease.grant)

    async def work(self, lease: Lease, reporter: EventReporter) -> None:
        """Do the work until it ends or is cut short, and say its last word."""
        grant = lease.grant
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
