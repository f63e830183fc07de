"""The engine's ports for benchmarks: all in memory but the links and the workspace."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Sequence
from dataclasses import replace
from typing import NoReturn

from bench.people import person
from halo_agent.engine.changes import Answer, Applied, Change, Create, Update
from halo_agent.engine.ports import SourceItem, Wanted
from halo_agent.engine.records import Desired, Finished, Place, PlaceIds, SourceRecord, TargetRecord
from halo_shared.entities import EntityKind
from halo_shared.errors import HaloIntegratorError
from halo_shared.messages.events import RecordOutcome, Stage
from halo_shared.outcomes import Outcome
from halo_shared.runs import Counts


def people(size: int, *, changed: int = 0) -> Iterator[SourceRecord]:
    """So many people, one after the other; the first few with another title than before."""
    for number in range(size):
        attributes = person(number)
        if number < changed:
            attributes["title"] = "Head of everything"
        yield SourceRecord(EntityKind.USERS, attributes["uid"], attributes["cn"], attributes)


class People:
    """A source that holds none of its records, so that what a process holds is the engine's."""

    def __init__(self, size: int, *, changed: int = 0) -> None:
        self._size = size
        self._changed = changed

    async def read(self, wanted: Wanted) -> AsyncGenerator[SourceItem, None]:
        for record in people(self._size, changed=self._changed):
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

    def fetch(
        self, kind: EntityKind, ids: Collection[int], beside: Collection[str] = ()
    ) -> AsyncIterator[TargetRecord]:
        self._asked("fetch")

    def apply(self, changes: Sequence[Change]) -> AsyncGenerator[tuple[Change, Answer], None]:
        self._asked("apply")

    def _asked(self, what: str) -> NoReturn:
        raise AssertionError(f"the target was asked to {what} though nothing had changed")


class Nothing(Untouched):
    """A Halo in which nobody is yet."""

    async def candidates(
        self, wishes: Sequence[Desired], match: Sequence[str]
    ) -> AsyncGenerator[TargetRecord, None]:
        return
        yield

    async def everything(
        self, kind: EntityKind, fields: Collection[str]
    ) -> AsyncGenerator[TargetRecord, None]:
        return
        yield

    async def locate(self, place: Place) -> PlaceIds:
        return PlaceIds(client_id=1, site_id=1)


class Counting(Nothing):
    """A Halo that counts what it is asked: one request for each record that is read by itself or written."""

    def __init__(self) -> None:
        self.requests = 0
        self._records: dict[int, TargetRecord] = {}

    async def fetch(
        self, kind: EntityKind, ids: Collection[int], beside: Collection[str] = ()
    ) -> AsyncGenerator[TargetRecord, None]:
        for id_ in ids:
            self.requests += 1
            yield self._records[id_]

    async def apply(self, changes: Sequence[Change]) -> AsyncGenerator[tuple[Change, Answer], None]:
        for change in changes:
            self.requests += 1
            yield change, Applied(self._store(change))

    def _store(self, change: Change) -> int:
        match change:
            case Create(desired=desired):
                id_ = len(self._records) + 1
                identity, source_id = desired.identity
                fields = {**desired.always, identity: source_id}
                self._records[id_] = TargetRecord(desired.kind, id_, desired.name, active=True, fields=fields)
            case Update(existing=existing, fields=sent):
                id_ = existing.id
                self._records[id_] = replace(existing, fields={**existing.fields, **sent})
            case _:
                raise AssertionError("nobody left")
        return id_


class Quiet:
    """A reporter that nobody listens to."""

    async def progress(self, stage: Stage, done: int, total: int | None, counts: Counts) -> None: ...

    async def record(
        self, kind: EntityKind, source_id: str, name: str, outcome: RecordOutcome, error: HaloIntegratorError
    ) -> None: ...

    async def outcome(self, outcome: Outcome) -> None: ...

    async def step(self, step: str, text: str) -> None: ...

    async def log(self, text: str) -> None: ...


class Always:
    """A right to write that does not end."""

    def check(self) -> None: ...
