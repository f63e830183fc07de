"""Writing a plan: bounded, in a safe order, each change remembered as soon as it is true."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from itertools import islice
from math import ceil
from typing import Final

from halo_agent.engine import outcomes, references
from halo_agent.engine.attempt import Attempt
from halo_agent.engine.changes import Answer, Applied, Change, Retire
from halo_agent.engine.escrow import kept_of
from halo_agent.engine.plan import Plan
from halo_agent.engine.records import Expected, Link
from halo_shared.entities import EntityKind
from halo_shared.errors import RecordError, TooManyRefused
from halo_shared.messages.events import Stage

TOGETHER: Final = 25
"""Changes that a worker hands to the target at once."""
WORKERS: Final = 8
"""Workers at most; the target lets fewer through while Halo is slow or asks for fewer requests."""
REFUSALS: Final = 20
"""Fewer refused records than this never stop a run, whatever their share."""


async def apply(attempt: Attempt, plan: Plan) -> None:
    """Write every change of the plan, then what could not be said before all of them were written.

    Raises the first error that is not about one record only.
    """
    await attempt.reporter.progress(Stage.APPLY, attempt.ledger.handled, plan.size, attempt.ledger.counts)
    async for adopts in plan.adopted():
        await attempt.links.save([adopted.link for adopted in adopts])
        await attempt.escrow.release(adopts[0].link.kind, [adopted.link.source_id for adopted in adopts])
        await references.await_unmet(attempt, adopts)
    async for changes in plan.changes():
        await references.await_unmet(attempt, changes)
        await _apply_all(attempt, await references.complete(attempt, changes), total=plan.size)
    for kind in attempt.assignment.integration.entities:
        async for waiting in attempt.links.expected(kind):
            expected = await _concerned(attempt, kind, waiting)
            updates = await references.connections(attempt, kind, expected)
            refused = await _apply_all(attempt, updates, total=plan.size)
            await attempt.links.met([one for one in expected if one.link.source_id not in refused])


async def _concerned(attempt: Attempt, kind: EntityKind, waiting: Sequence[Expected]) -> Sequence[Expected]:
    """All of them; a run of one record leaves those of others alone."""
    if attempt.assignment.only is None:
        return waiting
    others = await attempt.workspace.unseen(kind, [one.link.source_id for one in waiting])
    return [one for one in waiting if one.link.source_id not in others]


async def _apply_all(
    attempt: Attempt, changes: Sequence[tuple[Change, RecordError | None]], *, total: int
) -> set[str]:
    """Write these, several at a time; tells which were refused, by Halo or before."""
    refused = set()
    for change, error in changes:
        if error is not None:
            await _keep(attempt, change, error)
            refused.add(change.source_id)
    writable = [change for change, error in changes if error is None]
    waiting = iter(writable)

    async def work() -> None:
        while some := list(islice(waiting, TOGETHER)):
            refused.update(await _apply_some(attempt, some, total=total))

    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(WORKERS, ceil(len(writable) / TOGETHER))):
                workers.create_task(work())
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    return refused


async def _apply_some(attempt: Attempt, changes: Sequence[Change], *, total: int) -> set[str]:
    refused = set()
    attempt.permit.check()
    async with aclosing(attempt.target.apply(changes)) as answers:
        async for change, answer in answers:
            await _keep(attempt, change, answer)
            if isinstance(answer, RecordError):
                refused.add(change.source_id)
            await attempt.reporter.progress(Stage.APPLY, attempt.ledger.handled, total, attempt.ledger.counts)
            attempt.permit.check()
    return refused


async def _keep(attempt: Attempt, change: Change, answer: Answer) -> None:
    await attempt.reporter.outcome(outcomes.of_answer(change, answer, attempt.mapping(change.kind)))
    if isinstance(answer, RecordError):
        attempt.ledger.refuse(change.kind)
        await attempt.reporter.record(change.kind, change.source_id, change.name, "failed", answer)
        if kept := kept_of(change):
            await attempt.escrow.keep(change.kind, {change.source_id: kept})
        _stop_when_most_are_refused(attempt)
    else:
        await attempt.links.save([_link(change, answer)])
        await attempt.escrow.release(change.kind, [change.source_id])
        attempt.ledger.applied(change.kind, change.action)


def _stop_when_most_are_refused(attempt: Attempt) -> None:
    ledger = attempt.ledger
    if ledger.refused >= REFUSALS and ledger.refused * 2 > ledger.handled:
        raise TooManyRefused(
            f"{ledger.refused} of the first {ledger.handled} records were refused, so the run was stopped. "
            "The first refusals say why: correct the mapping, or the rights of Halo's application."
        )


def _link(change: Change, applied: Applied) -> Link:
    if isinstance(change, Retire):
        active, hash_ = False, change.hash
    else:
        active, hash_ = True, change.desired.hash
    return Link(change.kind, change.source_id, applied.halo_id, hash=hash_, active=active, name=change.name)
