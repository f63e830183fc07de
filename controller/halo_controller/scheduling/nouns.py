"""What the scheduler remembers, as values."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import Field

from halo_shared.identifiers import IntegrationName, IntegrationRef, RunId, TenantId
from halo_shared.runs import Frozen, Mode

THOROUGH: Final = (Mode.RECONCILE, Mode.FULL, Mode.DELTA)
"""The most thorough first: in this order they start that come at the same moment."""


def reads_more(mode: Mode | None, than: Mode | None) -> bool:
    """Whether a run of this mode does all that one of the other does, and more; None is what changed."""
    return THOROUGH.index(mode or Mode.DELTA) < THOROUGH.index(than or Mode.DELTA)


class Planned(Frozen):
    """The next moment of one of an integration's series."""

    tenant: TenantId
    integration: IntegrationName
    mode: Mode
    at: datetime
    clocks_change: bool = False
    waiting: bool = False
    """Whether it has come, and waits for the end of an open run."""

    @property
    def ref(self) -> IntegrationRef:
        """Its integration."""
        return IntegrationRef(self.tenant, self.integration)


class Fate(StrEnum):
    """What became of a planned moment."""

    OPENED = "opened"
    SKIPPED = "skipped"
    """It was not to run then."""
    MISSED = "missed"
    """The centre was away."""


class Past(Frozen):
    """What became of a planned moment, or of several in a row for the same reason."""

    tenant: TenantId
    integration: IntegrationName
    mode: Mode
    at: datetime
    """The first of them."""
    until: datetime
    """The last of them."""
    times: int = 1
    fate: Fate
    reason: str
    run: RunId | None = None

    @property
    def ref(self) -> IntegrationRef:
        """Its integration."""
        return IntegrationRef(self.tenant, self.integration)


class Pause(Frozen):
    """An integration runs by itself no more, until somebody or something ends that."""

    since: datetime
    who: str | None
    """The person who paused it; None when its failures did."""
    reason: str


class Standing(Frozen):
    """How an integration's latest runs went, and what follows from it."""

    recent: tuple[bool, ...] = ()
    """Of the latest runs that succeeded or failed, oldest first: whether it went well."""
    failures: int = 0
    """Runs in a row that failed."""
    retries: int = 0
    """Runs in a row that were opened because the one before failed."""
    mistakes: int = 0
    """The latest of them, in a row, that failed for something that only a person can change."""
    why: str = ""
    """What the latest failure said."""
    retry_at: datetime | None = None
    retry_mode: Mode | None = None
    """As the run that is tried again was to read."""
    slow_step: int = 0
    """How far it is slowed down; zero for not at all."""
    not_before: datetime | None = None
    """While it is slowed down: when the next probe may run."""
    pause: Pause | None = None


STEADY = Standing()
"""Of an integration of which nothing is known."""


class Preview(Frozen):
    """A moment to come, and what is known of it already."""

    mode: Mode
    at: datetime
    will_run: bool
    remarks: tuple[str, ...] = Field(default=())


class Next(Frozen):
    """Whether an integration runs next by itself, when, and why or why not."""

    due: bool
    reason: str
    at: datetime | None = None


class Answer(Frozen):
    """Why an integration does not run at this moment."""

    sentence: str
    cure: str = ""
    """What changes it, as a command where there is one; empty when nothing needs to be done."""
