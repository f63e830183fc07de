"""Whatever refers to whatever, and wherever the power fails: Halo ends as it would have, and nothing is there twice."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from halo_agent.engine.records import Gone, Reference, Role, SourceRecord, Value
from halo_agent.engine.sync import sync
from halo_shared.entities import EntityKind
from halo_shared.errors import TargetUnavailable
from halo_shared.messages.commands import Assignment
from halo_shared.runs import Mode
from tests.support.engine import (
    IDENTITY,
    Interrupted,
    MemoryHalo,
    MemorySource,
    World,
    estate,
    open_world,
    refers,
    thing,
    whole,
)

CLIENTS, SITES, USERS, TECHNICIANS, ASSETS = EntityKind
NAMES = ["a", "b", "c"]
names = st.sampled_from(NAMES)
PLACE: dict[str, object] = {"place": {"client": "Acme"}}


def switches() -> st.SearchStrategy[Assignment]:
    """The mapping's switches in every position."""
    flags = st.booleans()

    def build(keep: bool, stay: bool, follow: bool) -> Assignment:
        assets = {"dontremoveusers": keep, "dontupdatesite": stay, "useusers_site": follow, **PLACE}
        return estate(users={"dontupdatesite": stay, **PLACE}, assets=assets)

    return st.builds(build, flags, flags, flags)


@st.composite
def estates(draw: st.DrawFn) -> list[SourceRecord]:
    """Clients, sites, users and assets that refer to each other and to what is not there, in any order."""

    def some(kind: EntityKind, *roles: tuple[Role, EntityKind]) -> list[SourceRecord]:
        return [
            replace(
                thing(kind, f"{kind[0]}{name}", *_references(draw, roles), active=draw(st.booleans())),
                attributes={"name": draw(names), "mail": f"{name}@acme"},
            )
            for name in draw(st.lists(names, unique=True))
        ]

    records = [
        *some(CLIENTS),
        *some(SITES, (Role.CLIENT, CLIENTS)),
        *some(USERS, (Role.CLIENT, CLIENTS), (Role.SITE, SITES), (Role.MANAGER, USERS)),
        *some(ASSETS, (Role.SITE, SITES), (Role.PARENT, ASSETS), (Role.USER, USERS), (Role.USER, USERS)),
    ]
    return draw(st.permutations(records))


def _references(draw: st.DrawFn, roles: Sequence[tuple[Role, EntityKind]]) -> list[Reference]:
    return [refers(role, kind, f"{kind[0]}{draw(names)}") for role, kind in roles if draw(st.booleans())]


@asynccontextmanager
async def world_of(halo: MemoryHalo) -> AsyncIterator[World]:
    halo.before_write = whole(halo)
    async with open_world(Path(":memory:"), halo) as world:
        yield world


async def run(world: World, assigned: Assignment, records: Sequence[SourceRecord]) -> None:
    await sync(world.attempt(MemorySource(records), assigned))


def content(halo: MemoryHalo) -> list[str]:
    """What Halo holds, with the ids of the source in place of its own."""
    by_id = {id_: record.fields.get(IDENTITY) for id_, record in halo.records.items()}

    def said(name: str, value: Value) -> object:
        if name == "users" and isinstance(value, tuple):
            return sorted(str(by_id[int(one)]) for one in value)
        if name in {"client_id", "site_id", "parent_id"} and isinstance(value, int):
            return by_id.get(value, value)
        return value

    return sorted(
        repr((record.kind, record.active, sorted((name, said(name, v)) for name, v in record.fields.items())))
        for record in halo.records.values()
    )


def twice(halo: MemoryHalo) -> list[object]:
    counted = Counter((record.kind, record.fields.get(IDENTITY)) for record in halo.records.values())
    return [key for key, times in counted.items() if times > 1]


@settings(max_examples=40, deadline=None)
@given(estates(), switches(), st.integers(1, 25), st.booleans(), st.booleans())
async def test_an_interrupted_estate_ends_where_an_uninterrupted_one_does(
    records: list[SourceRecord], assigned: Assignment, call: int, answer_lost: bool, links_lost: bool
) -> None:
    calm = MemoryHalo()
    async with world_of(calm) as world:
        await run(world, assigned, records)

    halo = MemoryHalo()
    async with world_of(halo) as first, world_of(halo) as second:
        if answer_lost:
            halo.loses_at = call
        else:
            halo.dies_at = call
        with suppress(Interrupted, TargetUnavailable):
            await run(first, assigned, records)
        halo.dies_at = halo.loses_at = None
        await run(second if links_lost else first, assigned, records)
        assert content(halo) == content(calm)
        assert twice(halo) == []


@settings(max_examples=40, deadline=None)
@given(estates(), switches())
async def test_a_second_run_of_an_estate_hears_and_writes_nothing_new(
    records: list[SourceRecord], assigned: Assignment
) -> None:
    halo = MemoryHalo()
    async with world_of(halo) as world:
        await run(world, assigned, records)
        world.forget_calls()
        await run(world, assigned, records)
        assert halo.written == []
        world.forget_calls()
        await run(world, assigned.model_copy(update={"mode": Mode.RECONCILE}), records)
        assert halo.written == []


@settings(max_examples=40, deadline=None)
@given(estates(), switches(), st.data())
async def test_what_is_changed_by_hand_is_put_right_by_reconciling(
    records: list[SourceRecord], assigned: Assignment, data: st.DataObject
) -> None:
    halo = MemoryHalo()
    async with world_of(halo) as world:
        await run(world, assigned, records)
        before = content(halo)
        for id_, record in list(halo.records.items()):
            match data.draw(st.sampled_from(["leave", "leave", "rename", "turn"])):
                case "rename":
                    fields = {**record.fields, "name": "by hand", "inventory_number": "by hand"}
                    fields = {name: value for name, value in fields.items() if name in record.fields}
                    halo.records[id_] = replace(record, fields=fields)
                case "turn":
                    halo.records[id_] = replace(record, active=not record.active)
        await run(world, assigned.model_copy(update={"mode": Mode.RECONCILE}), records)
        assert content(halo) == before


@settings(max_examples=40, deadline=None)
@given(estates(), estates(), switches(), st.booleans())
async def test_nothing_is_retired_in_an_estate_without_proof(
    records: list[SourceRecord], later: list[SourceRecord], assigned: Assignment, proved: bool
) -> None:
    halo = MemoryHalo()
    async with world_of(halo) as world:
        await run(world, assigned, records)
        active = {id_ for id_, record in halo.records.items() if record.active}
        in_use = [replace(record, active=True) for record in later]
        there = {(record.kind, record.id) for record in later}
        gone = [
            Gone(one.kind, one.id, "deleted") for one in records if proved and (one.kind, one.id) not in there
        ]
        delta = assigned.model_copy(update={"mode": Mode.DELTA})
        await sync(world.attempt(MemorySource([*gone, *in_use], full=False), delta))

        retired = active - {id_ for id_, record in halo.records.items() if record.active}
        named = {one.id for one in gone}
        assert {halo.records[id_].fields[IDENTITY] for id_ in retired} <= named
        assert proved or not retired
