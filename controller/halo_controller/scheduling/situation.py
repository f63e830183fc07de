"""All that bears on whether an integration runs at one moment: pure."""

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from halo_controller.hosting.times import Hosted
from halo_controller.nouns import Integration, Run, Tenant
from halo_controller.scheduling.nouns import STEADY, Standing
from halo_shared.runs import Mode
from halo_shared.schedules import Schedule, Timing


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the decision needs to know."""

    integration: Integration
    tenant: Tenant
    now: datetime
    open_run: Run | None = None
    standing: Standing = field(default=STEADY)
    hosted: Hosted | None = None
    """The times that its host gives it; None for one that has its own."""

    @property
    def schedule(self) -> Schedule | None:
        """When it runs by itself."""
        return self.hosted.schedule if self.hosted else self.integration.spec.schedule

    @property
    def zone(self) -> ZoneInfo:
        """The tenant's."""
        return ZoneInfo(self.tenant.spec.zone)

    def timing(self, mode: Mode) -> Timing | None:
        """The series of this mode, as the definition has it now."""
        return dict(self.schedule.cycles).get(mode) if self.schedule else None
