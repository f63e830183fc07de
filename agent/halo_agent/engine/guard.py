"""Would this run do more than it may without a person's word? Pure, and asked before the first write."""

from collections.abc import Iterable, Mapping, Sequence

from halo_shared.entities import EntityKind
from halo_shared.limits import Limit, Limits
from halo_shared.runs import Action, Approval, Excess

Counted = Mapping[tuple[EntityKind, Action], int]


def check(
    counts: Counted, populations: Counted, limits: Limits, approvals: Iterable[Approval]
) -> Sequence[Excess]:
    """Every limit that these changes of these populations would exceed; empty when they may go ahead.

    New records are never too many. Records that are recognised for the first time are updates of what people keep in
    Halo, so the first run of a mapping is held like any other.
    """
    approved = {(one.entity, one.action): one.up_to for one in approvals}
    excesses = []
    for (kind, action), found in sorted(counts.items()):
        if action is Action.CREATE:
            continue
        limit = limits.of(kind).retire if action is Action.RETIRE else limits.of(kind).update
        population = populations.get((kind, action), 0)
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
