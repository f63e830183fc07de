"""Whose turn it is: no tenant has more than its share of the line for the hosted agents. Pure."""

from collections import Counter
from collections.abc import Sequence

from halo_controller.nouns import Run
from halo_shared.runs import RunStatus

_IN_LINE = (RunStatus.QUEUED, RunStatus.DISPATCHED, RunStatus.RUNNING)


def in_line(run: Run) -> bool:
    """Whether its job was sent and its attempt is not over."""
    return run.status in _IN_LINE and not run.waits_for_turn


def turns(open_runs: Sequence[Run], runs_at_once: int) -> Sequence[Run]:
    """The waiting runs whose turn has come, in the order of their turns.

    Tenants take turns: the one with the fewest runs in line is next, then the one that has waited longest.
    """
    busy = Counter(run.tenant for run in open_runs if in_line(run))
    waiting = sorted(
        (run for run in open_runs if run.waits_for_turn), key=lambda run: (run.queued_at, run.id)
    )
    chosen: list[Run] = []
    while ready := [run for run in waiting if busy[run.tenant] < runs_at_once]:
        following = min(ready, key=lambda run: busy[run.tenant])  # the first of equals has waited longest
        chosen.append(following)
        waiting.remove(following)
        busy[following.tenant] += 1
    return chosen
