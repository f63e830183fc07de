"""What a run would do, worked out by the engine's own code up to the first write."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from halo_agent import connectors
from halo_agent.connectors import Secrets
from halo_agent.engine import guard
from halo_agent.engine.attempt import Attempt
from halo_agent.engine.changes import Change, Skip
from halo_agent.engine.sync import make_plan
from halo_agent.jobs.permits import NeverWrites
from halo_agent.settings import Settings
from halo_agent.store.links import copied_links
from halo_agent.store.workspace import DiskWorkspace, open_workspace
from halo_agent.targets.halo import Forgetful, open_halo, use_of
from halo_agent.tracing import Tell
from halo_agent.tracing.one import sync_one
from halo_shared.clock import Clock
from halo_shared.entities import EntityKind
from halo_shared.errors import HaloIntegratorError
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrations import IntegrationSpec, TenantSpec
from halo_shared.messages.commands import Assignment
from halo_shared.messages.events import RecordOutcome, Stage
from halo_shared.outcomes import Outcome
from halo_shared.runs import Counts, Excess, Mode

NEWEST: Final = 2**62
"""A preview sees links as an attempt after all others would; its copy of them is thrown away."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A record that could not be read or mapped, as the run would report it."""

    kind: EntityKind
    name: str
    error: HaloIntegratorError
    outcome: RecordOutcome = "failed"

    @property
    def text(self) -> str:
        """Which record, and what is wrong with it; what could not be read is named by its place already."""
        message = self.error.message
        return message if message.startswith(self.name) else f"{self.name}: {message}"


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do, and what a person would have to agree to."""

    changes: Sequence[Change]
    skips: Sequence[Skip]
    counts: Counts
    excesses: Sequence[Excess]
    problems: Sequence[Problem]
    remarks: Sequence[str]


@dataclass(slots=True)
class Listener:
    """Hears what the engine says and keeps what a preview shows."""

    problems: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    async def progress(self, stage: Stage, done: int, total: int | None, counts: Counts) -> None:
        """A preview shows its end only."""

    async def record(
        self, kind: EntityKind, source_id: str, name: str, outcome: RecordOutcome, error: HaloIntegratorError
    ) -> None:
        self.problems.append(Problem(kind, name, error, outcome))

    async def outcome(self, outcome: Outcome) -> None:
        """The plan says it all."""

    async def step(self, step: str, text: str) -> None:
        """A preview shows its end only."""

    async def log(self, text: str) -> None:
        self.remarks.append(text)


async def preview(
    tenant: TenantSpec, integration: IntegrationSpec, settings: Settings, secrets: Secrets, clock: Clock
) -> Preview:
    """The plan of a full run of this integration now; nothing is written anywhere."""
    listener = Listener()
    asked = Assignment(
        tenant=tenant.name,
        halo=tenant.halo,
        integration=_completed(integration),
        mode=Mode.FULL,
        preview=True,
    )
    async with _looking(asked, settings, secrets, clock, listener) as (attempt, _):
        plan, _ = await make_plan(attempt)
        excesses = guard.check(plan.counts, plan.populations, integration.limits, approvals=())
        changes = [change async for some in plan.changes() for change in some]
        skips = [skip async for some in plan.skips() for skip in some]
        return Preview(changes, skips, attempt.ledger.counts, excesses, listener.problems, listener.remarks)


async def trace(
    tenant: TenantSpec,
    integration: IntegrationSpec,
    key: str,
    settings: Settings,
    secrets: Secrets,
    clock: Clock,
    tell: Tell,
) -> None:
    """What a run would do to one record, told step by step; nothing is written anywhere.

    Raises NotAtSource when there is no such record.
    """
    asked = Assignment(
        tenant=tenant.name,
        halo=tenant.halo,
        integration=_completed(integration),
        mode=Mode.RECONCILE,
        preview=True,
        only=key,
    )
    async with _looking(asked, settings, secrets, clock, Listener()) as (attempt, workspace):
        await sync_one(attempt, workspace, tell)


def _completed(integration: IntegrationSpec) -> IntegrationSpec:
    return connectors.find(integration.connector).completed(integration)


@asynccontextmanager
async def _looking(
    asked: Assignment, settings: Settings, secrets: Secrets, clock: Clock, listener: Listener
) -> AsyncIterator[tuple[Attempt, DiskWorkspace]]:
    """An attempt that sees both sides as any other would, and can write to neither."""
    integration = asked.integration
    connector = connectors.find(integration.connector)
    parsed = connector.parse(integration.settings)
    secret = secrets.resolve(asked.halo.client_secret)
    async with AsyncExitStack() as stack:
        links = await stack.enter_async_context(copied_links(settings.data / "links.db"))
        workspace = await stack.enter_async_context(open_workspace())
        source = await stack.enter_async_context(connector.open(parsed, secrets))
        target = await stack.enter_async_context(
            open_halo(
                asked.halo,
                secret,
                clock=clock,
                budget=asked.halo,
                permit=NeverWrites(),
                tell=listener.log,
                use=use_of(integration, Forgetful()),
            )
        )
        attempt = Attempt(
            assignment=asked,
            source=source,
            target=target,
            links=links.of(IntegrationRef(asked.tenant, integration.name), fence=NEWEST),
            workspace=workspace,
            reporter=listener,
            permit=NeverWrites(),
        )
        yield attempt, workspace
