"""The engine's surroundings in memory: a source, a Halo, a listener and a permit, each with levers for tests."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, assert_never

import aiosqlite

from halo_agent.connectors import CheckStep
from halo_agent.engine.attempt import Attempt
from halo_agent.engine.changes import Answer, Applied, Change, Create, Retire, Update
from halo_agent.engine.escrow import Escrow
from halo_agent.engine.matcher import wished
from halo_agent.engine.ports import Permit, SourceItem, Wanted
from halo_agent.engine.records import (
    Desired,
    Fields,
    Finished,
    Gone,
    Link,
    Place,
    PlaceIds,
    Reference,
    Remark,
    Role,
    SourceRecord,
    TargetRecord,
    UnreadableRecord,
    Value,
)
from halo_agent.engine.values import as_text, is_empty
from halo_agent.store.links import LinkStore, open_links
from halo_agent.store.workspace import SCHEMA, DiskWorkspace
from halo_shared.entities import EntityKind
from halo_shared.errors import (
    HaloIntegratorError,
    LeaseLost,
    RecordRefused,
    RunError,
    TargetUnavailable,
    Unplaced,
)
from halo_shared.identifiers import IntegrationRef
from halo_shared.limits import Limits
from halo_shared.mapping import EntityMapping
from halo_shared.messages.commands import Assignment
from halo_shared.messages.events import RecordOutcome, Stage
from halo_shared.outcomes import Outcome
from halo_shared.runs import Approval, Counts, Cursors, Mode
from tests.support.builders import REF, integration_spec, tenant_spec

USERS: Final = EntityKind.USERS
IDENTITY: Final = "azureoid"
FREE: Final = Limits.model_validate(
    {"entities": {"users": {"retire": {"count": 10_000, "percent": 100}, "update": {"count": 10_000}}}}
)
"""Limits that hold nothing back."""


class MemorySource:
    """A tool whose records are a list. It may stop half-way, and may say that it read only what changed."""

    def __init__(
        self,
        items: Iterable[SourceRecord | UnreadableRecord | Gone | Remark],
        *,
        full: bool = True,
        cursor: str | None = None,
        stops_after: int | None = None,
    ) -> None:
        self.items = tuple(items)
        self.closed = False
        """Whether the last read was closed, at its end or before."""
        self._end = Finished(full, cursor)
        self._stops_after = stops_after

    async def read(self, wanted: Wanted) -> AsyncGenerator[SourceItem, None]:
        self.closed = False
        try:
            for item in self._of(wanted.kind)[: self._stops_after]:
                await asyncio.sleep(0)
                yield item
            if self._stops_after is None:
                yield self._end
        finally:
            self.closed = True

    async def check(self) -> AsyncIterator[CheckStep]:
        yield CheckStep("read", f"{len(self.items)} records")

    def _of(self, kind: EntityKind) -> list[SourceRecord | UnreadableRecord | Gone | Remark]:
        return [item for item in self.items if isinstance(item, Remark) or item.kind is kind]


class Interrupted(Exception):
    """The machine lost power: no error that anybody expects."""


class MemoryHalo:
    """A Halo in a dict, which tells capitals apart as little as Halo's own search, and counts what it is asked."""

    def __init__(self, records: Iterable[TargetRecord] = ()) -> None:
        self.records = {record.id: record for record in records}
        self.asked: Counter[str] = Counter()
        """Calls of each method."""
        self.written: list[Change] = []
        """Changes that were stored, in that order."""
        self.places = {Place("Acme", "Main"): PlaceIds(1, 11)}
        self.types = {"Workstation": 1, "Server": 2}
        self.refuses: Callable[[Change], bool] = lambda _: False
        self.hidden: frozenset[str] = frozenset()
        """Fields that lists leave out."""
        self.fails_at: int | None = None
        """The write, counted from one, that finds Halo away."""
        self.loses_at: int | None = None
        """The write that is stored although its answer is lost."""
        self.dies_at: int | None = None
        """The call that is the last before the power fails; a write is not stored."""
        self.before_write: Callable[[Change], None] = lambda _: None
        """Called for each write, before it is stored."""

    @property
    def reads(self) -> int:
        """Calls that asked for records."""
        return self.asked["candidates"] + self.asked["everything"] + self.asked["fetch"]

    async def candidates(
        self, wishes: Sequence[Desired], match: Sequence[str]
    ) -> AsyncGenerator[TargetRecord, None]:
        self._note("candidates")
        for record in list(self.records.values()):
            await asyncio.sleep(0)
            if any(_could_be(record, desired, match) for desired in wishes):
                shown = {name: value for name, value in record.fields.items() if name not in self.hidden}
                yield replace(record, fields=shown)

    async def fetch(
        self, kind: EntityKind, ids: Collection[int], beside: Collection[str] = ()
    ) -> AsyncGenerator[TargetRecord, None]:
        self._note("fetch")
        for id_ in dict.fromkeys(ids):
            await asyncio.sleep(0)
            if id_ in self.records and self.records[id_].kind is kind:
                yield self.records[id_]

    async def everything(
        self, kind: EntityKind, fields: Collection[str]
    ) -> AsyncGenerator[TargetRecord, None]:
        self._note("everything")
        for record in list(self.records.values()):
            if record.kind is kind:
                shown = {name: value for name, value in record.fields.items() if name not in self.hidden}
                yield replace(record, fields=shown)

    async def locate(self, place: Place) -> PlaceIds:
        if place not in self.places:
            raise Unplaced(f"Halo has no site '{place.site}' of client '{place.client}'.")
        return self.places[place]

    async def type_id(self, name: str) -> int:
        return self.types[name]

    async def apply(self, changes: Sequence[Change]) -> AsyncGenerator[tuple[Change, Answer], None]:
        for change in changes:
            try:
                yield change, await self._apply(change)
            except RecordRefused as refused:
                yield change, refused

    async def _apply(self, change: Change) -> Applied:
        self._note("apply")
        number = self.asked["apply"]
        self.before_write(change)
        await asyncio.sleep(0)
        if number == self.fails_at:
            raise TargetUnavailable("Halo answers 503.")
        if self.refuses(change):
            raise RecordRefused(f"Halo refused {change.name}.")
        id_ = self._store(change)
        self.written.append(change)
        await asyncio.sleep(0)
        if number == self.loses_at:
            raise TargetUnavailable("Halo's answer was lost.")
        return Applied(id_)

    def by_identity(self) -> dict[str, TargetRecord]:
        """What is held, by the source's id; fails where two records have the same."""
        found = [record for record in self.records.values() if record.fields.get(IDENTITY)]
        held = {as_text(record.fields[IDENTITY]).casefold(): record for record in found}
        assert len(held) == len(found), f"twice in Halo: {found}"
        return held

    def _note(self, call: str) -> None:
        self.asked[call] += 1
        if self.dies_at is not None and self.asked.total() >= self.dies_at:
            raise Interrupted

    def _store(self, change: Change) -> int:
        match change:
            case Create(desired=desired):
                id_ = max(self.records, default=0) + 1
                wishes = {**desired.always, **desired.on_create, **desired.when_empty}
                fields = _kept({**wishes, desired.identity[0]: desired.identity[1]})
                self.records[id_] = TargetRecord(desired.kind, id_, desired.name, active=True, fields=fields)
            case Update(existing=existing):
                id_, held = existing.id, self._held(existing.id)
                active = held.active or change.reactivate
                self.records[id_] = replace(
                    held, active=active, fields=_kept({**held.fields, **change.fields})
                )
            case Retire():
                id_ = change.halo_id
                self.records[id_] = replace(self._held(id_), active=False)
            case _:
                assert_never(change)
        return id_

    def _held(self, id_: int) -> TargetRecord:
        if id_ not in self.records:
            raise RecordRefused(f"Halo has no record {id_}.")
        return self.records[id_]


@dataclass(slots=True)
class Heard:
    """Hears what the engine says."""

    records: list[tuple[str, RecordOutcome, str]] = field(default_factory=list)
    """Source id or name, outcome, and message of each record that wants somebody's eye."""
    remarks: list[str] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    steps: list[tuple[str, str]] = field(default_factory=list)

    async def progress(self, stage: Stage, done: int, total: int | None, counts: Counts) -> None:
        if self.stages[-1:] != [stage]:
            self.stages.append(stage)

    async def record(
        self, kind: EntityKind, source_id: str, name: str, outcome: RecordOutcome, error: HaloIntegratorError
    ) -> None:
        self.records.append((source_id or name, outcome, error.message))

    async def outcome(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    async def step(self, step: str, text: str) -> None:
        self.steps.append((step, text))

    async def log(self, text: str) -> None:
        self.remarks.append(text)


@dataclass(slots=True)
class Pass:
    """A permit that ends after so many writes, or never."""

    writes: int | None = None
    why: RunError = field(default_factory=LeaseLost)
    asked: int = 0

    def check(self) -> None:
        if self.writes is not None and self.asked >= self.writes:
            raise self.why
        self.asked += 1


@asynccontextmanager
async def open_world(links: Path, halo: MemoryHalo | None = None) -> AsyncIterator["World"]:
    """An agent's memory in this file, and room for one attempt after the other."""
    async with (
        open_links(links) as store,
        aiosqlite.connect("", isolation_level=None, check_same_thread=False) as db,
    ):
        await db.executescript(SCHEMA)
        yield World(store, DiskWorkspace(db), halo or MemoryHalo())


def empty(workspace: DiskWorkspace) -> None:
    """As a new one is; while nobody uses it."""
    tables = re.findall(r"CREATE TABLE (\w+)", SCHEMA)
    workspace._db._conn.executescript(";".join(f"DELETE FROM {one}" for one in tables))  # noqa: S608 - constants


@dataclass(slots=True)
class World:
    """A Halo and what an agent remembers of it; each attempt gets the next fence."""

    store: LinkStore
    workspace: DiskWorkspace
    halo: MemoryHalo = field(default_factory=MemoryHalo)
    fence: int = 0
    heard: Heard = field(default_factory=Heard)
    """What was said in the last attempt."""

    def attempt(
        self,
        source: MemorySource,
        assigned: Assignment | None = None,
        permit: Permit | None = None,
        escrow: Escrow | None = None,
    ) -> Attempt:
        """The next attempt."""
        self.fence += 1
        self.heard = Heard()
        links = self.store.of(REF, self.fence)
        empty(self.workspace)
        attempt = Attempt(
            assigned or assignment(), source, self.halo, links, self.workspace, self.heard, permit or Pass()
        )
        return replace(attempt, escrow=escrow or attempt.escrow)

    async def links(self, ref: IntegrationRef = REF) -> dict[str, Link]:
        """All that is remembered of people, by source id."""
        ids = [row[0] for row in await self.store._db.execute_fetchall("SELECT source_id FROM links")]
        return await self.store.of(ref, self.fence).find(USERS, ids)

    def forget_calls(self) -> None:
        """Count calls and writes anew."""
        self.halo.asked.clear()
        self.halo.written.clear()


def person(id_: str, mail: str = "", *, active: bool = True, name: str = "", **more: Value) -> SourceRecord:
    """A user as a tool knows it, with an address made of the id."""
    address = mail or f"{id_.strip().casefold()}@acme.example"
    return SourceRecord(USERS, id_, name or f"Person {id_}", {"mail": address, **more}, active=active)


def held(id_: int, *, active: bool = True, kind: EntityKind = USERS, **fields: Value) -> TargetRecord:
    """A record as Halo holds it."""
    return TargetRecord(kind, id_, f"Record {id_}", active, fields)


def wish_for(
    source_id: str,
    *,
    kind: EntityKind = USERS,
    active: bool = True,
    always: Fields | None = None,
    on_create: Fields | None = None,
    when_empty: Fields | None = None,
) -> Desired:
    """What Halo should hold for this id."""
    return Desired(
        kind=kind,
        source_id=source_id.casefold(),
        name=f"Person {source_id}",
        active=active,
        always=always or {},
        on_create=on_create or {},
        when_empty=when_empty or {},
        identity=(IDENTITY, source_id),
        place=Place("Acme", "Main"),
    )


def link_of(
    source_id: str, halo_id: int | None, *, active: bool = True, hash_: str = "h", kind: EntityKind = USERS
) -> Link:
    """A link as an earlier run left it."""
    return Link(kind, source_id, halo_id, hash=hash_, active=active, name=f"Person {source_id}")


def mapping(**changes: object) -> EntityMapping:
    """The mapping of users in tests: an address that recognises, and what a test says."""
    usual: dict[str, object] = {
        "identity": IDENTITY,
        "place": {"client": "Acme"},
        "match": ["emailaddress"],
        "fields": {"emailaddress": "mail"},
    }
    return EntityMapping.model_validate(usual | changes)


def assignment(
    mapped: EntityMapping | None = None,
    *,
    mode: Mode = Mode.FULL,
    limits: Limits = FREE,
    approved: Sequence[Approval] = (),
    cursors: Cursors | None = None,
) -> Assignment:
    """What an attempt is to do: keep users in step, without limits unless a test is about them."""
    integration = integration_spec().model_copy(
        update={"mapping": {USERS: mapped or mapping()}, "limits": limits}
    )
    return Assignment(
        tenant=REF.tenant,
        halo=tenant_spec().halo,
        integration=integration,
        mode=mode,
        cursors=cursors or {},
        approved=tuple(approved),
    )


def _could_be(record: TargetRecord, desired: Desired, match: Sequence[str]) -> bool:
    if record.kind is not desired.kind:
        return False
    if as_text(record.fields.get(desired.identity[0])).casefold() == desired.identity[1].strip().casefold():
        return True
    return any(
        (asked := as_text(wished(desired, name)).casefold())
        and as_text(record.fields.get(name)).casefold() == asked
        for name in match
    )


def _kept(fields: Fields) -> Fields:
    """What Halo stores: a field that is cleared is a field that is not there."""
    return {name: value for name, value in fields.items() if not is_empty(value)}


ESTATE: Final[Mapping[str, Mapping[str, object]]] = {
    "clients": {"identity": IDENTITY, "fields": {"name": "name"}, "match": ["name"]},
    "sites": {
        "identity": IDENTITY,
        "fields": {"name": "name"},
        "match": [{"field": "name", "within": "client"}],
    },
    "users": {
        "identity": IDENTITY,
        "fields": {"name": "name", "emailaddress": "mail"},
        "match": ["emailaddress", {"field": "name", "within": "client"}],
    },
    "technicians": {"identity": IDENTITY, "fields": {"name": "name"}},
    "assets": {
        "identity": IDENTITY,
        "fields": {"inventory_number": "name"},
        "asset_type": {
            "rules": [{"attribute": "os", "contains": "server", "type": "Server"}],
            "default": "Workstation",
        },
    },
}
"""Mappings of all kinds; records are placed by what they refer to."""


def estate(
    *kinds: EntityKind, mode: Mode = Mode.FULL, limits: Limits | None = None, **changes: Mapping[str, object]
) -> Assignment:
    """Keep these kinds in step, or all; what is said of a kind is added to its mapping."""
    everything: dict[EntityKind, dict[str, object]] = {
        kind: {**ESTATE[kind], **changes.get(kind, {})} for kind in EntityKind
    }
    free = {kind: {"retire": _UNLIMITED, "update": _UNLIMITED} for kind in EntityKind}
    integration = integration_spec().model_copy(
        update={
            "entities": kinds or tuple(reversed(EntityKind)),
            "mapping": {kind: EntityMapping.model_validate(everything[kind]) for kind in EntityKind},
            "limits": limits or Limits.model_validate({"entities": free}),
        }
    )
    return Assignment(tenant=REF.tenant, halo=tenant_spec().halo, integration=integration, mode=mode)


_UNLIMITED: Final = {"count": 10_000, "percent": 100}


def thing(
    kind: EntityKind, id_: str, *references: Reference, active: bool = True, **attributes: Value
) -> SourceRecord:
    """A record of any kind, named like its id."""
    named = {"name": id_, **attributes}
    return SourceRecord(kind, id_, str(named["name"]), named, active=active, references=references)


def refers(role: Role, kind: EntityKind, value: str, attribute: str | None = None) -> Reference:
    """A reference, as a source gives it."""
    return Reference(role, kind, value, attribute)


def whole(halo: MemoryHalo) -> Callable[[Change], None]:
    """Fails a test in which something is written that refers to what Halo does not have."""

    def look(change: Change) -> None:
        if isinstance(change, Retire):
            return
        fields = change.fields if isinstance(change, Update) else {
            **change.desired.on_create, **change.desired.always
        }  # fmt: skip
        for name, kind in _REFERRED.items():
            value = fields.get(name)
            for one in value if isinstance(value, tuple) else [] if value is None else [value]:
                assert isinstance(one, int | str)
                known = halo.records.get(int(one))
                by_place = {ids.client_id for ids in halo.places.values()} | {
                    ids.site_id for ids in halo.places.values()
                }
                assert int(one) in by_place or (known is not None and known.kind is kind), f"{name} {one}"
        placed = change.kind in {EntityKind.USERS, EntityKind.ASSETS} and isinstance(change, Create)
        assert not placed or fields.get("site_id"), f"{change.name} has no site"

    return look


_REFERRED: Final = {
    "client_id": EntityKind.CLIENTS,
    "site_id": EntityKind.SITES,
    "parent_id": EntityKind.ASSETS,
    "users": EntityKind.USERS,
}
