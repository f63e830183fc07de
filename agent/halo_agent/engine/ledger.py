"""What has happened so far to the records of an attempt, counted."""

from typing import Final

from halo_shared.entities import EntityKind
from halo_shared.runs import Action, Counts, Tally

_WORD: Final = {Action.CREATE: "created", Action.UPDATE: "updated", Action.RETIRE: "retired"}


class Ledger:
    """The counts of one attempt."""

    def __init__(self) -> None:
        self._counts: Counts = {}
        self.refused = 0
        """Changes that Halo refused; records that could not be read are not among them."""

    def add(self, kind: EntityKind, **more: int) -> None:
        """Count these for this kind."""
        self._counts[kind] = self.of(kind).plus(**more)

    def applied(self, kind: EntityKind, action: Action, count: int = 1) -> None:
        """Count changes that are written."""
        self.add(kind, **{_WORD[action]: count})

    def refuse(self, kind: EntityKind) -> None:
        """Count one change that Halo refused."""
        self.refused += 1
        self.add(kind, failed=1)

    def of(self, kind: EntityKind) -> Tally:
        """The counts of one kind."""
        return self._counts.get(kind, Tally())

    @property
    def counts(self) -> Counts:
        """The counts as they are now."""
        return dict(self._counts)

    @property
    def total(self) -> Tally:
        """The counts of all kinds together."""
        return sum(self._counts.values(), Tally())

    @property
    def handled(self) -> int:
        """Changes that were tried, with whatever result."""
        return self.total.written + self.refused
