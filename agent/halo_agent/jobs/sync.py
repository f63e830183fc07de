"""The work of a sync attempt: open both sides, let the engine do its work, say how it ended."""

from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace

from pydantic import SecretStr

from halo_agent import connectors
from halo_agent.engine.attempt import Attempt
from halo_agent.engine.escrow import Escrow, NoEscrow
from halo_agent.engine.ledger import Ledger
from halo_agent.engine.sync import sync
from halo_agent.jobs.failures import FailuresIntoHalo, Overhearing
from halo_agent.jobs.secrets import secrets_for
from halo_agent.leases import Lease
from halo_agent.reporter import Ending, EventReporter
from halo_agent.store.links import LinkStore
from halo_agent.store.workspace import DiskWorkspace, open_workspace
from halo_agent.targets.halo import HaloTarget, InstanceMemory, open_halo, use_of
from halo_agent.tracing.one import sync_one
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.errors import HaloIntegratorError
from halo_shared.identifiers import IntegrationRef
from halo_shared.messages.commands import Assignment
from halo_shared.messages.events import Stage
from halo_shared.redaction import Redactor
from halo_shared.runs import Mode
from halo_shared.secrets import LocalSecrets

log = logs.get(__name__)


async def _complete_without(escrow: Escrow, assignment: Assignment, reporter: EventReporter) -> Assignment:
    """The assignment, reading everything where records failed that another agent keeps, or that this one lost."""
    if assignment.mode is not Mode.DELTA or escrow.size >= assignment.escrowed:
        return assignment
    await reporter.log(
        f"{assignment.escrowed} records that failed before are not kept on this agent, so everything is read."
    )
    return assignment.model_copy(update={"mode": Mode.FULL})


class SyncJobs:
    """Runs sync attempts with what this agent has."""

    def __init__(
        self,
        links: LinkStore,
        instances: InstanceMemory,
        secrets: LocalSecrets,
        clock: Clock,
        redactor: Redactor,
    ) -> None:
        self._links = links
        self._instances = instances
        self._secrets = secrets
        self._clock = clock
        self._redactor = redactor
        self._failures = FailuresIntoHalo(clock)

    async def run(self, lease: Lease, reporter: EventReporter) -> Ending:
        """One attempt, from opening both sides to its ending; raises what keeps it from starting."""
        grant = lease.grant
        connector = connectors.find(grant.assignment.integration.connector)
        integration = connector.completed(grant.assignment.integration)
        assignment = grant.assignment.model_copy(update={"integration": integration})
        ref = IntegrationRef(assignment.tenant, integration.name)
        links = self._links.of(ref, grant.fence)
        if not await links.take_over(grant.previous_fence):
            log.info("links_compared_anew", run=grant.run, fence=grant.fence, before=grant.previous_fence)
        escrow = await self._links.escrow(ref, self._clock)
        assignment = await _complete_without(escrow, assignment, reporter)
        ledger = Ledger()
        await reporter.progress(Stage.CONNECT, 0, None, ledger.counts)
        settings = connector.parse(integration.settings)
        secrets = secrets_for(integration.group, assignment.tenant, self._secrets)
        secret = secrets.resolve(assignment.halo.client_secret)
        async with AsyncExitStack() as stack:
            source = await stack.enter_async_context(connector.open(settings, secrets))
            target = await stack.enter_async_context(self._halo(assignment, secret, lease, reporter))
            workspace = await stack.enter_async_context(open_workspace())
            overhearing = Overhearing(reporter, self._redactor)
            kept = NoEscrow() if assignment.preview else escrow
            attempt = Attempt(assignment, source, target, links, workspace, overhearing, lease, ledger, kept)
            ending = await self._ending(attempt, target, workspace, reporter)
            await self._failures.write(assignment.tenant, assignment.halo.error_log, target, overhearing)
            return replace(ending, escrowed=escrow.size)

    def _halo(
        self, assignment: Assignment, secret: SecretStr, lease: Lease, reporter: EventReporter
    ) -> AbstractAsyncContextManager[HaloTarget]:
        return open_halo(
            assignment.halo,
            secret,
            clock=self._clock,
            budget=lease,
            permit=lease,
            tell=reporter.log,
            use=use_of(assignment.integration, self._instances),
        )

    async def _ending(
        self, attempt: Attempt, target: HaloTarget, workspace: DiskWorkspace, reporter: EventReporter
    ) -> Ending:
        """How the attempt ended, by itself or by an error that has a name."""
        try:
            outcome = await (
                sync(attempt)
                if attempt.assignment.only is None
                else sync_one(attempt, workspace, reporter.trace)
            )
        except HaloIntegratorError as error:
            return Ending.after(error, attempt.ledger.counts, self._redactor, requests=target.requests)
        return Ending(
            outcome.status,
            attempt.ledger.counts,
            target.requests,
            held_for=tuple(outcome.held_for),
            planned=outcome.planned,
            cursors=outcome.cursors,
        )
