"""Changes and plans: what is to be done to Halo, and why, as data."""

from collections.abc import Sequence
from dataclasses import dataclass

from halo_agent.engine.records import Desired, Fields, TargetRecord
from halo_shared.entities import EntityKind
from halo_shared.runs import Action


@dataclass(frozen=True, slots=True)
class Create:
    """Halo has nothing of the kind: make it."""

    desired: Desired
    reason: str
    action = Action.CREATE

    @property
    def kind(self) -> EntityKind:
        return self.desired.kind

    @property
    def name(self) -> str:
        return self.desired.name


@dataclass(frozen=True, slots=True)
class Update:
    """Halo's record differs in these fields: send them and no others."""

    desired: Desired
    existing: TargetRecord
    fields: Fields
    reason: str
    reactivate: bool = False
    action = Action.UPDATE

    @property
    def kind(self) -> EntityKind:
        return self.desired.kind

    @property
    def name(self) -> str:
        return self.desired.name


@dataclass(frozen=True, slots=True)
class Retire:
    """The source has let go of it: make it inactive, never delete it."""

    kind: EntityKind
    source_id: str
    halo_id: int
    name: str
    reason: str
    hash: str = ""
    action = Action.RETIRE


Change = Create | Update | Retire


@dataclass(frozen=True, slots=True)
class Adopt:
    """Nothing is to be written, but what is known of the link is new."""

    desired: Desired
    halo_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing is done about this record, for this reason."""

    kind: EntityKind
    source_id: str
    name: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What a target made of one change."""

    halo_id: int
    found: bool = False
    """A create that found the record there already, after an answer that was lost."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything one run would do, in the order in which it would do it."""

    changes: Sequence[Change]
    adopted: Sequence[Adopt]
    skips: Sequence[Skip]
    populations: dict[EntityKind, int]
    """How many active records each kind was linked to before: what a percentage is a percentage of."""
