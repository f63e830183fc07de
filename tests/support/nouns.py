"""What the controller knows, as values for tests; apart from `builders`, which the agent's tests use without it."""

from datetime import datetime, timedelta
from uuid import UUID

from halo_controller.nouns import Agent, Integration, Run, Trigger
from halo_shared.integrations import IntegrationSpec
from halo_shared.runs import Cursors, RunStatus
from tests.support.builders import NOW, REF, RUN_ID, SESSION, integration_spec


def integration(
    spec: IntegrationSpec | None = None,
    *,
    enabled: bool = True,
    fence: int = 0,
    cursors: Cursors | None = None,
    last_opened_at: datetime | None = None,
) -> Integration:
    """An integration as the controller keeps it."""
    return Integration(
        tenant=REF.tenant,
        spec=spec or integration_spec(),
        enabled=enabled,
        fence=fence,
        cursors=cursors or {},
        created_at=NOW,
        changed_at=NOW,
        last_opened_at=last_opened_at,
    )


def run(status: RunStatus = RunStatus.QUEUED, **changes: object) -> Run:
    """A run of REF in this status; any of its fields may be given."""
    values: dict[str, object] = {
        "id": RUN_ID,
        "tenant": REF.tenant,
        "integration": REF.name,
        "group": "site",
        "status": status,
        "trigger": Trigger.PERSON,
        "reason": "a person asked for it",
        "queued_at": NOW,
        "ended_at": NOW if status.ended else None,
    }
    return Run.model_validate(values | changes)


def running(**changes: object) -> Run:
    """The run in its first attempt: agent `one` has its lease under fence 1 for 45 seconds from NOW."""
    values: dict[str, object] = {
        "attempt": 1,
        "fence": 1,
        "agent": "one",
        "session": SESSION,
        "lease_until": NOW + timedelta(seconds=45),
        "deadline": NOW + timedelta(hours=6),
        "dispatched_at": NOW,
        "started_at": NOW,
    }
    return run(RunStatus.RUNNING, **(values | changes))


def agent(
    name: str = "one", *, group: str = "site", session: UUID | None = SESSION, **changes: object
) -> Agent:
    """An agent that said hello at NOW; any of its fields may be given."""
    values: dict[str, object] = {
        "name": name,
        "group": group,
        "created_at": NOW,
        "session": session,
        "seen_at": NOW if session else None,
        "slots": 2,
    }
    return Agent.model_validate(values | changes)
