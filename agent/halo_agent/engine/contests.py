"""The values by which wishes and Halo's records find each other."""

from collections.abc import Sequence
from dataclasses import dataclass

from halo_agent.engine.records import Desired, TargetRecord
from halo_shared.errors import Unplaced

Keys = Sequence[str]
"""What is compared at each level of the cascade; an empty text recognises nothing."""


@dataclass(frozen=True, slots=True)
class Sought:
    """A wish that looks for its record."""

    desired: Desired
    keys: Keys
    unplaced: Unplaced | None = None
    """Why it has no place in Halo, should it turn out to be new there."""


@dataclass(frozen=True, slots=True)
class Held:
    """A record of Halo that can be found."""

    record: TargetRecord
    keys: Keys
    owner: str | None
    """The source record that it belongs to already."""


@dataclass(frozen=True, slots=True)
class Contest:
    """A wish, and what it finds at one level."""

    desired: Desired
    candidates: Sequence[TargetRecord]
    """The first few of Halo's records that have the same key and belong to nobody."""
    found: int
    """How many there are."""
    suitors: int
    """How many wishes could be the one candidate, or could have been at a level before."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A wish is decided: this record of Halo is its own, or none will be."""

    source_id: str
    halo_id: int | None
