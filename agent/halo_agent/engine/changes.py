"""Changes: what is to be done to Halo, and why, as data."""

from dataclasses import dataclass, field
from typing import ClassVar

from halo_agent.engine.records import Desired, Fields, Gone, Link, Reference, TargetRecord
from halo_shared.entities import EntityKind
from halo_shared.errors import RecordError
from halo_shared.runs import Action


@dataclass(frozen=True, slots=True)
class Create:
    """Halo has nothing like it: make it."""

    action: ClassVar = Action.CREATE

    desired: Desired
    reason: str

    @property
    def kind(self) -> EntityKind:
        return self.desired.kind

    @property
    def source_id(self) -> str:
        return self.desired.source_id

    @property
    def name(self) -> str:
        return self.desired.name


@dataclass(frozen=True, slots=True)
class Update:
    """Halo's record differs in these fields: send them and no others."""

    action: ClassVar = Action.UPDATE

    desired: Desired | Link
    """The wish; or the link, when the wish is fulfilled already and only a reference is added."""
    existing: TargetRecord
    fields: Fields
    reason: str
    reactivate: bool = False
    matched: str = field(default="", compare=False)
    """How it was recognised, where it was not by its link; for people."""

    @property
    def kind(self) -> EntityKind:
        return self.desired.kind

    @property
    def source_id(self) -> str:
        return self.desired.source_id

    @property
    def name(self) -> str:
        return self.desired.name


@dataclass(frozen=True, slots=True)
class Retire:
    """The source has let go of it: make it inactive, never delete it."""

    action: ClassVar = Action.RETIRE

    kind: EntityKind
    source_id: str
    halo_id: int
    name: str
    reason: str
    hash: str
    """Of the wish that this fulfils."""
    fields: Fields = field(default_factory=dict)
    """What is written instead of making it inactive, as a status."""


Change = Create | Update | Retire


@dataclass(frozen=True, slots=True)
class Adopt:
    """Nothing needs writing, but this is now known of the link."""

    link: Link
    reason: str
    matched: str = field(default="", compare=False)
    """As in `Update`."""
    unmet: tuple[Reference, ...] = ()
    """What it refers to that is not in Halo yet."""
    notable: bool = False
    """Whether the run's log says it, as where Halo is left otherwise than its source."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing is done about this record, for this reason."""

    kind: EntityKind
    source_id: str
    name: str
    why: RecordError
    kept: Desired | Gone | None = field(default=None, compare=False)
    """What is to be tried again."""


Decision = Change | Adopt | Skip


@dataclass(frozen=True, slots=True)
class Applied:
    """What a target made of one change."""

    halo_id: int
    found: bool = False
    """A create that found the record there already, made by an attempt whose answer was lost."""


Answer = Applied | RecordError
"""What became of one change: it is true now, or Halo refused this record."""
