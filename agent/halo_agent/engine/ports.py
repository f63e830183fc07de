"""All that the engine asks of the world."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from halo_agent.engine.changes import Answer, Change, Decision
from halo_agent.engine.contests import Contest, Held, Sought, Verdict
from halo_agent.engine.records import (
    Desired,
    Expected,
    Finished,
    Gone,
    Link,
    Place,
    PlaceIds,
    Reference,
    Remark,
    SourceRecord,
    TargetRecord,
    UnreadableRecord,
    Waiting,
)
from halo_shared.entities import EntityKind
from halo_shared.errors import HaloIntegratorError
from halo_shared.messages.events import RecordOutcome, Stage
from halo_shared.outcomes import Outcome
from halo_shared.runs import Action, Counts, Mode

D = TypeVar("D")

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

    def everything(self, kind: EntityKind, fields: Collection[str]) -> AsyncIterator[TargetRecord]:
        """Every record of a kind, inactive ones too, with at least these fields: for when most could be the same."""
        ...

    def fetch(
        self, kind: EntityKind, ids: Collection[int], beside: Collection[str] = ()
    ) -> AsyncIterator[TargetRecord]:
        """These records as they are now, with all their fields; those that no longer exist are left out.

        `beside` are fields that the target keeps apart from its records, as software, and reads only if it is asked to.
        """
        ...

    async def locate(self, place: Place) -> PlaceIds:
        """Halo's ids of a place; raises Unplaced, with the names that come near, when Halo has no such place."""
        ...

    async def type_id(self, name: str) -> int:
        """Halo's id of an asset type; raises MappingInvalid when Halo has no such type."""
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

    def active(self, kind: EntityKind) -> AsyncIterator[Sequence[Link]]:
        """The links of active records, in batches."""
        ...

    async def taken(self, kind: EntityKind, halo_ids: Collection[int]) -> dict[int, str]:
        """Which of these Halo records already belong to a source record, and to which."""
        ...

    async def save(self, links: Collection[Link]) -> None:
        """Keep these, stamped with the attempt's fence; a link that a newer fence wrote stays as it is."""
        ...

    async def expect(self, kind: EntityKind, references: Mapping[str, Sequence[Reference]]) -> None:
        """References that cannot be written yet, by source id; they take the place of those that were kept before."""
        ...

    def expected(self, kind: EntityKind) -> AsyncIterator[Sequence[Expected]]:
        """References of this kind that can be written now, since both records are in Halo."""
        ...

    async def met(self, expected: Collection[Expected]) -> None:
        """These references are written."""
        ...

    async def places(self) -> dict[Place, PlaceIds]:
        """Places whose names were recognised before, so that renaming a client in Halo moves nobody."""
        ...

    async def learn(self, place: Place, ids: PlaceIds) -> None:
        """This name stands for this place from now on."""
        ...


class Workspace(Protocol):
    """Room on the agent's disk for one attempt: what was read, what Halo has, what is decided. Gone when it ends."""

    async def see(self, kind: EntityKind, source_ids: Collection[str]) -> set[str]:
        """Those of these ids that were not seen before; now all are."""
        ...

    async def unseen(self, kind: EntityKind, source_ids: Collection[str]) -> set[str]:
        """Those of these ids that were not seen."""
        ...

    async def lose(self, kind: EntityKind, reasons: Mapping[str, str]) -> None:
        """These ids are proved to be away, and how it is known."""
        ...

    def lost(self, kind: EntityKind) -> AsyncIterator[Mapping[str, str]]:
        """Ids that are proved to be away and were not seen, each with its reason."""
        ...

    async def wait(self, kind: EntityKind, waiting: Collection[Waiting]) -> None:
        """These are to be compared with Halo."""
        ...

    def linked(self, kind: EntityKind) -> AsyncIterator[Sequence[tuple[Desired, Link]]]:
        """Wishes that wait, of records that Halo had when they were last looked at."""
        ...

    async def linked_count(self, kind: EntityKind) -> int:
        """How many of those there are."""
        ...

    def unlinked(self, kind: EntityKind) -> AsyncIterator[Sequence[Desired]]:
        """Wishes that wait, of records that may or may not be in Halo; also what is added meanwhile."""
        ...

    async def unlinked_count(self, kind: EntityKind) -> int:
        """How many of those there are."""
        ...

    async def seek(self, sought: Collection[Sought]) -> None:
        """These wishes look for their record."""
        ...

    async def hold(self, held: Collection[Held]) -> None:
        """These records of Halo can be found."""
        ...

    async def held(self, ids: Collection[int]) -> dict[int, TargetRecord]:
        """Those of these records of Halo that are held, by id."""
        ...

    def contests(self, level: int) -> AsyncIterator[Sequence[Contest]]:
        """Each wish without a verdict for which this level of the cascade finds anything.

        A level is finished when all its contests were judged; the next may then begin.
        """
        ...

    async def judge(self, verdicts: Collection[Verdict]) -> None:
        """These wishes have found their record, or will find none."""
        ...

    def missing(self) -> AsyncIterator[Sequence[Sought]]:
        """Wishes for which no level found anything."""
        ...

    async def forget_search(self) -> None:
        """Make room for the next kind."""
        ...

    async def decide(self, decisions: Collection[Decision]) -> None:
        """Keep these for the plan."""
        ...

    def decisions(self, kind: EntityKind, sort: type[D]) -> AsyncIterator[Sequence[D]]:
        """What was decided of this sort for this kind, in batches."""
        ...

    async def counts(self) -> dict[tuple[EntityKind, Action], int]:
        """How many changes of each sort were decided."""
        ...


class Reporter(Protocol):
    """Where the engine says what it does."""

    async def progress(self, stage: Stage, done: int, total: int | None, counts: Counts) -> None: ...

    async def record(
        self, kind: EntityKind, source_id: str, name: str, outcome: RecordOutcome, error: HaloIntegratorError
    ) -> None:
        """One record failed, or is left alone and wants somebody's eye."""
        ...

    async def outcome(self, outcome: Outcome) -> None:
        """What became of one record, for the history that the tenant keeps."""
        ...

    async def step(self, step: str, text: str) -> None:
        """What a step did that cannot be seen from its surroundings, for who traces a single record."""
        ...

    async def log(self, text: str) -> None: ...


class Permit(Protocol):
    """The right to write, which can end at any moment."""

    def check(self) -> None:
        """Return while writing is allowed; raises LeaseLost, DeadlinePassed or Cancelled once it is not."""
        ...
