"""What both sides say about a run."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict

from halo_shared.entities import EntityKind


class RunStatus(StrEnum):
    """Where a run is in its life."""

    QUEUED = "queued"
    DISPATCHED = "dispatched"
    RUNNING = "running"
    HELD = "held"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"

    @property
    def ended(self) -> bool:
        """Whether nothing more can happen to the run."""
        return self in _ENDED

    @property
    def went_through(self) -> bool:
        """Whether the run reached both the tool and Halo, though single records may have failed."""
        return self in _WENT_THROUGH


_ENDED = frozenset(
    {RunStatus.SUCCEEDED, RunStatus.PARTIAL, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.LOST}
)
_WENT_THROUGH = frozenset({RunStatus.SUCCEEDED, RunStatus.PARTIAL})


class Mode(StrEnum):
    """How much of the source an attempt reads."""

    FULL = "full"
    DELTA = "delta"
    RECONCILE = "reconcile"
    """Everything, and every linked record is compared with Halo again: finds what was changed there by hand."""


class Frozen(BaseModel):
    """A value on the wire: never changed, and tolerant of fields that a newer program added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Tally(Frozen):
    """What happened to the records of one kind of entity."""

    read: int = 0
    created: int = 0
    updated: int = 0
    retired: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0

    @property
    def written(self) -> int:
        """How many records were changed in Halo."""
        return self.created + self.updated + self.retired

    def plus(self, **more: int) -> Self:
        """A tally that counts these as well."""
        return self.model_copy(update={name: getattr(self, name) + count for name, count in more.items()})

    def __add__(self, other: "Tally") -> "Tally":
        return self.plus(**other.model_dump())


Counts = dict[EntityKind, Tally]

Cursors = dict[EntityKind, str]
"""How far each kind of entity was read: opaque to everyone but the connector."""


class Action(StrEnum):
    """What a change does to one record in Halo."""

    CREATE = "create"
    UPDATE = "update"
    RETIRE = "retire"


class Excess(Frozen):
    """One limit that a plan would exceed."""

    entity: EntityKind
    action: Action
    found: int
    limit: int
    population: int

    def __str__(self) -> str:
        verb = {Action.RETIRE: "deactivate", Action.UPDATE: "update", Action.CREATE: "create"}[self.action]
        return (
            f"it would {verb} {self.found:,} of {self.population:,} {self.entity} in Halo "
            f"and may {verb} {self.limit:,} without approval"
        )


class Approval(Frozen):
    """A person's word for a held run: up to so many, once."""

    entity: EntityKind
    action: Action
    up_to: int
