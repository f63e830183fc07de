"""The engine's ports for a run in which nothing changed: all in memory but the links."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from typing import NoReturn

from halo_agent.engine.changes import Answer, Change
from halo_agent.engine.ports import SourceItem, Wanted
from halo_agent.engine.records import Desired, Finished, Place, PlaceIds, SourceRecord, TargetRecord
from halo_shared.entities import EntityKind
from halo_shared.errors import HaloIntegratorError
from halo_shared.messages.events import RecordOutcome, Stage
from halo_shared.runs import Counts


class Memory:
    """A source whose records were made beforehand."""

    def __init__(self, records: Sequence[SourceRecord]) -> None:
        self._records = records

    async def read(self, wanted: Wanted) -> AsyncGenerator[SourceItem, None]:
        for record in self._records:
            yield record
        yield Finished(full=True)


class Untouched:
    """A target that nobody may ask anything: of what is unchanged, Halo hears nothing."""

    def candidates(self, wishes: Sequence[Desired], match: Sequence[str]) -> AsyncIterator[TargetRecord]:
        self._asked("candidates")

    def everything(self, kind: EntityKind, fields: Collection[str]) -> AsyncIterator[TargetRecord]:
        self._asked("list everything")

    async def locate(self, place: Place) -> PlaceIds:
        self._asked("locate")

    async def type_id(self, name: str) -> int:
        self._asked("name a type")

    def fetch(self, kind: EntityKind, ids: Collection[int]) -> AsyncIterator[TargetRecord]:
        self._asked("fetch")

    def apply(self, changes: Sequence[Change]) -> AsyncGenerator[tuple[Change, Answer], None]:
        self._asked("apply")

    def _asked(self, what: str) -> NoReturn:
        raise AssertionError(f"the target was asked to {what} though nothing had changed")


class Quiet:
    """A reporter that nobody listens to."""

    async def progress(self, stage: Stage, done: int, total: int | None, counts: Counts) -> None: ...

    async def record(
        self, kind: EntityKind, source_id: str, name: str, outcome: RecordOutcome, error: HaloIntegratorError
    ) -> None: ...

    async def log(self, text: str) -> None: ...


class Always:
    """A right to write that does not end."""

    def check(self) -> None: ...
