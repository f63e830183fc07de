"""Would this run do more than it may without a person's word? Pure, and asked before the first write."""

from collections import Counter
from collections.abc import Iterable, Sequence

from halo_agent.engine.changes import Plan
from halo_shared.limits import Limit, Limits
from halo_shared.runs import Action, Approval, Excess


def check(plan: Plan, limits: Limits, approvals: Iterable[Approval]) -> Sequence[Excess]:
    """Every limit that the plan would exceed; empty when it may go ahead."""
    approved = {(one.entity, one.action): one.up_to for one in approvals}
    counted = Counter((change.kind, change.action) for change in plan.changes)
    excesses = []
    for (kind, action), found in sorted(counted.items()):
        if action is Action.CREATE:
            continue
        limit = limits.of(kind).retire if action is Action.RETIRE else limits.of(kind).update
        population = plan.populations.get(kind, 0)
        allowed = max(allowance(limit, population), approved.get((kind, action), 0))
        if found > allowed:
            excesses.append(
                Excess(entity=kind, action=action, found=found, limit=allowed, population=population)
            )
    return excesses


def allowance(limit: Limit, population: int) -> int:
    """How many records one run may touch; of a small population the percentage says nothing."""
    if population < limit.from_population:
        return limit.count
    return min(limit.count, int(population * limit.percent / 100))
