"""Writing a plan: bounded, in a safe order, each change remembered as soon as it is true."""

import asyncio
from collections.abc import Iterator
from typing import Final

from halo_agent.engine.attempt import Attempt
from halo_agent.engine.changes import Applied, Change, Plan, Retire
from halo_agent.engine.records import Link
from halo_shared.errors import RecordError, TooManyRefused
from halo_shared.messages.events import Stage

WORKERS: Final = 4
"""Changes under way at once; Halo's request limit is reached long before more would help."""
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
        for change in waiting:
            await _apply_one(attempt, change, total=total)

    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(WORKERS, len(changes))):
                workers.create_task(work())
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


async def _apply_one(attempt: Attempt, change: Change, *, total: int) -> None:
    attempt.permit.check()
    try:
        applied = await attempt.target.apply(change)
    except RecordError as error:
        attempt.ledger.refuse(change.kind)
        await attempt.reporter.record(change.kind, change.source_id, change.name, "failed", error)
        _stop_when_most_are_refused(attempt)
    else:
        await attempt.links.save([_link(change, applied)])
        attempt.ledger.applied(change.kind, change.action)
    await attempt.reporter.progress(Stage.APPLY, attempt.ledger.handled, total, attempt.ledger.counts)


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
