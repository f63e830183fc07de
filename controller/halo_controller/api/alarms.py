"""What needs a person's eye, in sentences that say what to do. Pure."""

from collections.abc import Mapping

from halo_controller.api.models import AgentCount
from halo_shared.topology import BURIED_QUEUE

BROKER_AWAY = "The broker does not answer; jobs and events wait until it does."
DATABASE_AWAY = "The database does not answer; the controller's log tells more."


def of_queues(depths: Mapping[str, int | None] | None) -> tuple[str, ...]:
    """Alarms about queues; `depths` is None when the broker is away."""
    if depths is None:
        return (BROKER_AWAY,)
    missing = [
        f"Queue '{name}' is missing on the broker; the controller makes it again within minutes."
        for name, depth in depths.items()
        if depth is None
    ]
    return (*_of_buried(depths.get(BURIED_QUEUE.name)), *missing)


def of_agents(agents: AgentCount) -> tuple[str, ...]:
    """Alarms about agents that can no longer be heard."""
    counted = {"silent": agents.silent, "stalled": agents.stalled}
    return tuple(
        f"{'1 agent is' if count == 1 else f'{count} agents are'} {state}; look with: halo-controller agents list"
        for state, count in counted.items()
        if count
    )


def _of_buried(depth: int | None) -> tuple[str, ...]:
    if not depth:
        return ()
    what = (
        "1 message that was not understood lies"
        if depth == 1
        else f"{depth:,} messages that were not understood lie"
    )
    return (f"{what} in the queue 'buried'; the header x-why of each says why (see the broker's own pages).",)
