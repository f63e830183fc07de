"""All that the engine asks of the world."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from halo_agent.engine.changes import Answer, Change
from halo_agent.engine.records import (
    Desired,
    Finished,
    Gone,
    Link,
    Remark,
    SourceRecord,
    TargetRecord,
    UnreadableRecord,
)
from halo_shared.entities import EntityKind
from halo_shared.errors import HaloIntegratorError
from halo_shared.messages.events import RecordOutcome, Stage
from halo_shared.runs import Counts, Mode

SourceItem = SourceRecord | UnreadableRecord | Gone | Remark | Finished


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the engine asks a source for."""

    kind: EntityKind
    mode: Literal[Mode.FULL, Mode.DELTA] = Mode.FULL
    cursor: str | None = None
    """Where the last read of this kind ended; None when there was none."""
    attributes: frozenset[str] = frozenset()
    """What the mapping reads, in its spelling: a source need not read more, save what its own settings are about."""


class Source(Protocol):
    """Reads one tool. Never writes to it, and has never heard of Halo."""

    def read(self, wanted: Wanted) -> AsyncGenerator[SourceItem, None]:
        """The records of one kind, each id once, ended by Finished; one that just stops has proved nothing.

        A delta gives what was changed, and Gone for what is proved to be away. A source that cannot tell reads
        everything, and says so with Finished(full=True).

        Raises SourceUnavailable, CredentialRefused or PermissionMissing.
        """
        ...


class Target(Protocol):
    """The place that is kept in step. The engine knows no other word for Halo."""

    def candidates(self, wishes: Sequence[Desired], match: Sequence[str]) -> AsyncIterator[TargetRecord]:
        """Every record that could be the same as one of these, by identity or by one of the match fields.

        May give more than that: the matcher decides. All wishes are of one kind.
        """
        ...

    def fetch(self, kind: EntityKind, ids: Collection[int]) -> AsyncIterator[TargetRecord]:
        """These records as they are now; those that no longer exist are left out."""
        ...

    def apply(self, changes: Sequence[Change]) -> AsyncGenerator[tuple[Change, Answer], None]:
        """Make these changes, or find them made, and say of each what became of it as soon as it is known.

        They are of one kind and do not depend on each other; how many travel together is for the target to decide.
        Safe to repeat. Raises TransientError when Halo could not be asked.
        """
        ...


class Links(Protocol):
    """What is known about which records are the same, and what was last written."""

    async def find(self, kind: EntityKind, source_ids: Collection[str]) -> dict[str, Link]:
        """The links of these source records, by source id."""
        ...

    async def active_count(self, kind: EntityKind) -> int:
        """How many active records are linked."""
        ...

    async def taken(self, kind: EntityKind, halo_ids: Collection[int]) -> dict[int, str]:
        """Which of these Halo records already belong to a source record, and to which."""
        ...

    async def save(self, links: Collection[Link]) -> None:
        """Keep these, stamped with the attempt's fence; a link that a newer fence wrote stays as it is."""
        ...

    async def mark_seen(self, kind: EntityKind, source_ids: Collection[str]) -> None:
        """The source still has these, as far as this attempt has read."""
        ...

    def unseen(self, kind: EntityKind) -> AsyncIterator[Link]:
        """Active links whose record this attempt has not seen."""
        ...


class Reporter(Protocol):
    """Where the engine says what it does."""

    async def progress(self, stage: Stage, done: int, total: int | None, counts: Counts) -> None: ...

    async def record(
        self, kind: EntityKind, source_id: str, name: str, outcome: RecordOutcome, error: HaloIntegratorError
    ) -> None:
        """One record failed, or is left alone and wants somebody's eye."""
        ...

    async def log(self, text: str) -> None: ...


class Permit(Protocol):
    """The right to write, which can end at any moment."""

    def check(self) -> None:
        """Return while writing is allowed; raises LeaseLost, DeadlinePassed or Cancelled once it is not."""
        ...
