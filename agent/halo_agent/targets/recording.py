"""A target that writes nothing and remembers everything: for dry runs and previews."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import assert_never

from halo_agent.engine.changes import Applied, Change, Create, Retire, Update
from halo_agent.engine.ports import Target
from halo_agent.engine.records import Desired, TargetRecord
from halo_shared.entities import EntityKind


class RecordingTarget:
    """Reads through to another target; keeps what should have been written to it."""

    def __init__(self, inner: Target) -> None:
        self._inner = inner
        self._changes: list[Change] = []

    @property
    def changes(self) -> Sequence[Change]:
        """What was to be written, in that order."""
        return tuple(self._changes)

    def candidates(self, wishes: Sequence[Desired], match: Sequence[str]) -> AsyncIterator[TargetRecord]:
        return self._inner.candidates(wishes, match)

    def fetch(self, kind: EntityKind, ids: Collection[int]) -> AsyncIterator[TargetRecord]:
        return self._inner.fetch(kind, ids)

    async def apply(self, change: Change) -> Applied:
        """Remember the change. What would be new gets a negative id, which Halo never gives."""
        self._changes.append(change)
        match change:
            case Create():
                return Applied(-len(self._changes))
            case Update(existing=existing):
                return Applied(existing.id)
            case Retire(halo_id=halo_id):
                return Applied(halo_id)
            case _:
                assert_never(change)
