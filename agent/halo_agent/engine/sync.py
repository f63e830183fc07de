"""The story of a sync: read → scope → map → match → plan → guard → apply → commit.

Scoping and mapping happen while reading (`reader`), placing, matching and planning while comparing with Halo
(`comparer`). All of it waits on the agent's disk (`Workspace`), so that no number of records is too large. Nothing is
written before the whole plan has passed the guard, and nothing at all when the plan could not be made.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from halo_agent.engine import guard, outcomes
from halo_agent.engine.applier import apply
from halo_agent.engine.attempt import Attempt
from halo_agent.engine.comparer import compare
from halo_agent.engine.plan import Plan
from halo_agent.engine.reader import read
from halo_shared.entities import EntityKind
from halo_shared.messages.events import FinalStatus, Stage
from halo_shared.runs import Action, Counts, Cursors, Excess, RunStatus

SAMPLE: Final = 20
"""Records of each exceeded limit that a held run names."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended, when it ended by itself."""

    status: FinalStatus
    held_for: Sequence[Excess] = ()
    planned: Counts = field(default_factory=dict)
    """What would have been written, where nothing was."""
    cursors: Cursors = field(default_factory=dict)
    """Where the next read starts; empty when this one must be repeated."""


async def sync(attempt: Attempt) -> Outcome:
    """Bring Halo into step with the source, or hold a plan that does too much.

    Raises a HaloIntegratorError when the attempt failed: what was written until then is remembered.
    """
    plan, cursors = await make_plan(attempt)
    await _report_skips(attempt, plan)
    integration = attempt.assignment.integration
    approved = attempt.assignment.approved
    excesses = guard.check(plan.counts, plan.populations, integration.limits, approved)
    await attempt.reporter.step("guard", "; ".join(map(str, excesses)) or "within the limits")
    if attempt.assignment.preview:
        await _tell_all(attempt, plan)
        return Outcome(RunStatus.SUCCEEDED, held_for=excesses, planned=plan.tallies)
    if excesses:
        await _tell_some(attempt, plan, excesses)
        return Outcome(RunStatus.HELD, held_for=excesses, planned=plan.tallies)
    await _keep_skipped(attempt, plan)
    await apply(attempt, plan)
    total = attempt.ledger.total
    status: FinalStatus = RunStatus.PARTIAL if total.failed or total.skipped else RunStatus.SUCCEEDED
    return Outcome(status, cursors={} if attempt.escrow.overfull else cursors)


async def make_plan(attempt: Attempt) -> tuple[Plan, Cursors]:
    """Everything that a run would do, and where the next read would start; writes nothing."""
    populations: dict[tuple[EntityKind, Action], int] = {}
    cursors: Cursors = {}
    entities = attempt.assignment.integration.entities
    for kind in (kind for kind in EntityKind if kind in entities):
        linked = await attempt.links.active_count(kind)
        proof = await read(attempt, kind)
        recognised = await compare(attempt, kind, absence=proof.absence)
        populations |= {(kind, Action.RETIRE): linked, (kind, Action.UPDATE): linked + recognised}
        if proof.cursor is not None:
            cursors[kind] = proof.cursor
    plan = Plan(attempt.workspace, await attempt.workspace.counts(), populations)
    await attempt.reporter.progress(Stage.PLAN, 0, plan.size, attempt.ledger.counts)
    return plan, cursors


async def _report_skips(attempt: Attempt, plan: Plan) -> None:
    async for skips in plan.skips():
        for skip in skips:
            attempt.ledger.add(skip.kind, skipped=1)
            await attempt.reporter.record(skip.kind, skip.source_id, skip.name, "skipped", skip.why)
            await attempt.reporter.outcome(outcomes.of_skip(skip))


async def _keep_skipped(attempt: Attempt, plan: Plan) -> None:
    async for skips in plan.skips():
        kept = {skip.source_id: skip.kept for skip in skips if skip.kept is not None}
        await attempt.escrow.keep(skips[0].kind, kept)


async def _tell_all(attempt: Attempt, plan: Plan) -> None:
    """Every change that a run would make."""
    told = 0
    async for changes in plan.changes():
        for change in changes:
            await attempt.reporter.outcome(outcomes.of_plan(change, attempt.mapping(change.kind)))
        told += len(changes)
        await attempt.reporter.progress(Stage.PLAN, told, plan.size, attempt.ledger.counts)


async def _tell_some(attempt: Attempt, plan: Plan, excesses: Sequence[Excess]) -> None:
    """A few of the changes that are too many, so that a person knows whom they would touch."""
    for excess in excesses:
        for change in await plan.sample(excess.entity, excess.action, SAMPLE):
            await attempt.reporter.outcome(outcomes.of_plan(change, attempt.mapping(change.kind)))
