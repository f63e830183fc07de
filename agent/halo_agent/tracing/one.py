"""A run of one record: the engine's own sync, in surroundings that say what they see."""

from halo_agent.engine.attempt import Attempt
from halo_agent.engine.sync import Outcome, sync
from halo_agent.store.workspace import DiskWorkspace
from halo_agent.tracing import Tell
from halo_agent.tracing.reporter import TracedReporter
from halo_agent.tracing.source import OneRecord
from halo_agent.tracing.workspace import TracedWorkspace


async def sync_one(attempt: Attempt, workspace: DiskWorkspace, tell: Tell) -> Outcome:
    """Bring the one record that is meant into step, and tell each step; raises NotAtSource when there is none."""
    mappings = {kind: attempt.mapping(kind) for kind in attempt.assignment.integration.entities}
    source = OneRecord(attempt.source, attempt.assignment, tell)
    traced = Attempt(
        attempt.assignment,
        source,
        attempt.target,
        attempt.links,
        TracedWorkspace(workspace, mappings, tell),
        TracedReporter(attempt.reporter, tell),
        attempt.permit,
        attempt.ledger,
        attempt.escrow,
    )
    outcome = await sync(traced)
    source.check_found()
    return outcome
