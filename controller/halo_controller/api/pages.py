"""The lines of the three pages that Halo shows of its integrator; the command line reads the same."""

from datetime import datetime, timedelta
from typing import Self

from halo_controller.api.models import IntegrationView
from halo_controller.hosting.nouns import Hosting, Override, Size
from halo_controller.nouns import Run
from halo_controller.scheduling.nouns import Next
from halo_shared.entities import EntityKind
from halo_shared.identifiers import IntegrationName, RunId, Slug, TenantId
from halo_shared.integrators import Integrator
from halo_shared.runs import Counts, Frozen, RunStatus


class ActiveRow(Frozen):
    """A line of "Active integrations"."""

    tenant: TenantId
    integration: IntegrationName
    title: str
    connector: Slug
    integrator: Integrator
    entities: tuple[EntityKind, ...]
    paused: bool
    last_sync: datetime | None
    """When it last went through; None for never."""
    last_error: str
    """What the latest run said, if it went wrong; empty when it went well."""
    next: Next

    @classmethod
    def of(cls, view: IntegrationView, integrator: Integrator, ended: Run | None) -> Self:
        """The line of this integration. `ended` is the latest run that is over."""
        return cls(
            tenant=view.tenant,
            integration=view.spec.name,
            title=view.spec.title,
            connector=view.spec.connector,
            integrator=integrator,
            entities=view.spec.entities,
            paused=view.paused,
            last_sync=view.last_success,
            last_error=ended.failure.message if ended and ended.failure else "",
            next=view.next,
        )


class ScheduleRow(Frozen):
    """A line of "Hosted integrator schedule"."""

    tenant: TenantId
    integration: IntegrationName
    size: Size
    at: datetime | None
    """When it is due next; None while something stands in the way, or for at once."""
    because: str
    """Why then."""
    obstacle: str = ""
    """What stands in the way now; empty when nothing does."""
    override: Override | None = None

    @classmethod
    def of(cls, view: IntegrationView, hosting: Hosting, because: str) -> Self:
        """The line of this integration."""
        return cls(
            tenant=view.tenant,
            integration=view.spec.name,
            size=hosting.size,
            at=view.next.at,
            because=because,
            obstacle="" if view.next.at or view.next.due else view.next.reason,
            override=hosting.override,
        )


class LogRow(Frozen):
    """A line of "Integrator log"."""

    run: RunId
    tenant: TenantId
    integration: IntegrationName
    integrator: Integrator
    status: RunStatus
    began_at: datetime
    took: timedelta | None
    """None while it is not over, or where it never started."""
    counts: Counts
    error: str
    """What went wrong, if anything."""

    @classmethod
    def of(cls, run: Run, integrator: Integrator) -> Self:
        """The line of this run."""
        return cls(
            run=run.id,
            tenant=run.tenant,
            integration=run.integration,
            integrator=integrator,
            status=run.status,
            began_at=run.started_at or run.queued_at,
            took=run.ended_at - run.started_at if run.started_at and run.ended_at else None,
            counts=run.counts,
            error=run.failure.message if run.failure else "",
        )
