"""Records that failed are kept apart and tried again, less and less often, so that no read is repeated for them."""

import hashlib
import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import timedelta
from typing import Final, Protocol

from halo_agent.engine.changes import Change, Retire
from halo_agent.engine.records import Desired, Gone, SourceRecord
from halo_shared.entities import EntityKind

Kept = SourceRecord | Desired | Gone
"""What is to be tried again: a record that could not be mapped, a wish that Halo did not fulfil, a leaver that stayed."""

PAUSES: Final = (
    timedelta(0),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=12),
    timedelta(days=1),
)
"""How long a record waits after so many failures; what has failed once is tried by the very next run."""


class Escrow(Protocol):
    """Where they are kept, between the runs of one integration."""

    @property
    def overfull(self) -> bool:
        """Whether something could not be kept in this attempt, so that its read must be repeated."""
        ...

    @property
    def size(self) -> int:
        """How many records are kept."""
        ...

    async def keep(self, kind: EntityKind, failed: Mapping[str, Kept]) -> None:
        """These failed, by source id: they are tried again after a pause that grows with each time."""
        ...

    async def release(self, kind: EntityKind, source_ids: Collection[str]) -> None:
        """These need no other try; those that are not kept do no harm."""
        ...

    def holds_back(self, kind: EntityKind, source_id: str, what: Kept) -> bool:
        """Whether just this failed before and is not due again."""
        ...

    def ids(self, kind: EntityKind) -> AsyncIterator[Sequence[str]]:
        """All that are kept, in batches."""
        ...

    def due(self, kind: EntityKind) -> AsyncIterator[Mapping[str, Kept]]:
        """What is to be tried now, in batches, by source id."""
        ...

    def resting(self, kind: EntityKind) -> Sequence[str]:
        """Those that are not due yet, by source id."""
        ...


@dataclass(slots=True)
class NoEscrow:
    """Has room for nothing, for an attempt that is to leave no trace."""

    overfull: bool = False
    size: int = 0

    async def keep(self, kind: EntityKind, failed: Mapping[str, Kept]) -> None:
        self.overfull = self.overfull or bool(failed)

    async def release(self, kind: EntityKind, source_ids: Collection[str]) -> None:
        """Nothing is kept."""

    def holds_back(self, kind: EntityKind, source_id: str, what: Kept) -> bool:
        return False

    async def ids(self, kind: EntityKind) -> AsyncIterator[Sequence[str]]:
        nothing: Sequence[Sequence[str]] = ()
        for some in nothing:
            yield some

    async def due(self, kind: EntityKind) -> AsyncIterator[Mapping[str, Kept]]:
        nothing: Sequence[Mapping[str, Kept]] = ()
        for some in nothing:
            yield some

    def resting(self, kind: EntityKind) -> Sequence[str]:
        return ()


def pause(failures: int) -> timedelta:
    """How long a record waits that has failed so often."""
    return PAUSES[min(failures, len(PAUSES)) - 1]


def print_of(what: Kept) -> str:
    """The same for the same thing to try."""
    if isinstance(what, Desired):
        return what.hash
    content = json.dumps(astuple(what), default=str, sort_keys=True)
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def kept_of(change: Change) -> Kept | None:
    """What is to be tried again when this is refused; None where that is remembered elsewhere, as references are."""
    if isinstance(change, Retire):
        return Gone(change.kind, change.source_id, change.reason)
    return change.desired if isinstance(change.desired, Desired) else None
