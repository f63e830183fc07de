"""Writing a plan: bounded, in a safe order, each change remembered as soon as it is true."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from itertools import islice
from math import ceil
from typing import Final

from halo_agent.engine.attempt import Attempt
from halo_agent.engine.changes import Answer, Applied, Change, Plan, Retire
from halo_agent.engine.records import Link
from halo_shared.errors import RecordError, TooManyRefused
from halo_shared.messages.events import Stage

TOGETHER: Final = 25
"""Changes that a worker hands to the target at once."""
WORKERS: Final = 8
"""Workers at most; the target lets fewer through while Halo is slow or asks for fewer requests."""
REFUSALS: Final = 20
"""Fewer refused records than this never stop a run, whatever their share."""


async def apply(attempt: Attempt, plan: Plan) -> None:
    """Write every change of the plan; raises the first error that is not about one record only."""
    await attempt.links.save([adopted.link for adopted in plan.adopted])
    for kind_and_action in _stages(plan):
        await _apply_all(attempt, kind_and_action, total=len(plan.changes))


def _stages(plan: Plan) -> Iterator[list[Change]]:
    """Runs of changes that do not depend on each other: one kind of entity and one direction at a time."""
    stage: list[Change] = []
    for change in plan.changes:
        if stage and (stage[-1].kind, isinstance(stage[-1], Retire)) != (
            change.kind,
            isinstance(change, Retire),
        ):
            yield stage
            stage = []
        stage.append(change)
    if stage:
        yield stage


async def _apply_all(attempt: Attempt, changes: list[Change], *, total: int) -> None:
    waiting = iter(changes)

    async def work() -> None:
        while some := list(islice(waiting, TOGETHER)):
            await _apply_some(attempt, some, total=total)

    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(WORKERS, ceil(len(changes) / TOGETHER))):
                workers.create_task(work())
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


async def _apply_some(attempt: Attempt, changes: Sequence[Change], *, total: int) -> None:
    attempt.permit.check()
    async with aclosing(attempt.target.apply(changes)) as answers:
        async for change, answer in answers:
            await _keep(attempt, change, answer)
            await attempt.reporter.progress(Stage.APPLY, attempt.ledger.handled, total, attempt.ledger.counts)
            attempt.permit.check()


async def _keep(attempt: Attempt, change: Change, answer: Answer) -> None:
    if isinstance(answer, RecordError):
        attempt.ledger.refuse(change.kind)
        await attempt.reporter.record(change.kind, change.source_id, change.name, "failed", answer)
        _stop_when_most_are_refused(attempt)
    else:
        await attempt.links.save([_link(change, answer)])
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
