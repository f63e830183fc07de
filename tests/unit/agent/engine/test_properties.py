"""Whatever is at the source and in Halo, and wherever the power fails: the next run ends where this one would have."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from halo_agent.engine.records import SourceRecord, TargetRecord
from halo_agent.engine.sync import sync
from halo_shared.errors import IncompleteRead, TargetUnavailable
from halo_shared.mapping import EntityMapping
from halo_shared.messages.commands import Assignment
from tests.support.engine import (
    IDENTITY,
    USERS,
    Interrupted,
    MemoryHalo,
    MemorySource,
    World,
    assignment,
    mapping,
    open_world,
)

# Few and alike, so that records collide in every way that there is.
IDS = ["a", "A", "b", "c", "d", "0", "none", " e ", ""]
MAILS = [None, "", "x@acme", "X@acme", "y@acme", "z@acme", "n/a", "000"]
BADGES = [None, 7, 7.0, "7", "8", "0"]

ids = st.sampled_from(IDS)
mails = st.sampled_from(MAILS)
badges = st.sampled_from(BADGES)


@st.composite
def sources(draw: st.DrawFn) -> list[SourceRecord]:
    return [
        SourceRecord(
            USERS,
            draw(ids),
            draw(st.sampled_from(["Anna", "عبد", ""])),
            {"mail": draw(mails), "badge": draw(badges), "phone": draw(st.sampled_from([None, "1", "2"]))},
            active=draw(st.booleans()),
        )
        for _ in range(draw(st.integers(0, 6)))
    ]


@st.composite
def halos(draw: st.DrawFn) -> list[TargetRecord]:
    return [
        TargetRecord(
            USERS,
            number,
            f"Record {number}",
            draw(st.booleans()),
            {
                name: value
                for name, value in {
                    IDENTITY: draw(st.sampled_from(["", "", "", "a", "B", "c", "gone"])),
                    "emailaddress": draw(mails),
                    "employee": draw(badges),
                    "phonenumber": draw(st.sampled_from([None, "1", "9"])),
                }.items()
                if value not in (None, "")
            },
        )
        for number in range(1, draw(st.integers(0, 5)) + 1)
    ]


@st.composite
def mappings(draw: st.DrawFn) -> EntityMapping:
    whens, blanks = st.sampled_from(["always", "create", "empty"]), st.sampled_from(["keep", "clear"])
    fields = {
        field: {"from": attribute, "when": draw(whens), "blank": draw(blanks)}
        for field, attribute in {"emailaddress": "mail", "employee": "badge", "phonenumber": "phone"}.items()
    }
    matches = draw(st.lists(st.sampled_from(["emailaddress", "employee"]), unique=True))
    return mapping(fields=fields, match=matches)


@dataclass(frozen=True)
class Case:
    """A source, a Halo, and how one becomes the other."""

    source: Sequence[SourceRecord]
    halo: Sequence[TargetRecord]
    assigned: Assignment


cases = st.builds(Case, sources(), halos(), mappings().map(assignment))


@asynccontextmanager
async def world_of(halo: MemoryHalo) -> AsyncIterator[World]:
    async with open_world(Path(":memory:"), halo) as world:
        yield world


async def run(world: World, case: Case, source: Sequence[SourceRecord] | None = None) -> None:
    await sync(world.attempt(MemorySource(case.source if source is None else source), case.assigned))


def content(halo: MemoryHalo) -> list[tuple[bool, tuple[tuple[str, object], ...]]]:
    """What Halo holds, whatever the ids of new records are."""
    return sorted(
        ((record.active, tuple(sorted(record.fields.items()))) for record in halo.records.values()), key=repr
    )


def identities(halo: MemoryHalo) -> list[str]:
    """The ids of the source that Halo holds, in the form in which they are compared."""
    return sorted(
        str(record.fields[IDENTITY]).casefold()
        for record in halo.records.values()
        if IDENTITY in record.fields
    )


@settings(max_examples=100, deadline=None)
@given(cases)
async def test_a_second_run_writes_nothing_with_or_without_links(case: Case) -> None:
    halo = MemoryHalo(case.halo)
    async with world_of(halo) as world:
        await run(world, case)
        world.forget_calls()
        await run(world, case)
        assert halo.written == []
    async with world_of(halo) as forgetful:
        await run(forgetful, case)
        assert halo.written == []


@settings(max_examples=150, deadline=None)
@given(cases, st.integers(1, 20), st.booleans(), st.booleans())
async def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(
    case: Case, call: int, answer_lost: bool, links_lost: bool
) -> None:
    calm = MemoryHalo(case.halo)
    async with world_of(calm) as world:
        await run(world, case)

    halo = MemoryHalo(case.halo)
    async with world_of(halo) as first, world_of(halo) as second:
        if answer_lost:
            halo.loses_at = call
        else:
            halo.dies_at = call
        with suppress(Interrupted, TargetUnavailable):
            await run(first, case)
        halo.dies_at = halo.loses_at = None
        again = second if links_lost else first
        await run(again, case)
        assert content(halo) == content(calm)
        world.forget_calls()
        halo.written.clear()
        await run(again, case)
        assert halo.written == []


@settings(max_examples=100, deadline=None)
@given(cases)
async def test_no_id_of_the_source_comes_to_be_in_halo_twice(case: Case) -> None:
    halo = MemoryHalo(case.halo)
    before = identities(halo)
    async with world_of(halo) as world:
        await run(world, case)

    now = identities(halo)
    assert [id_ for id_ in set(now) if now.count(id_) > max(1, before.count(id_))] == []


@settings(max_examples=100, deadline=None)
@given(cases, sources(), st.integers(0, 6), st.sampled_from(["stops", "delta"]))
async def test_nobody_is_retired_without_proof(
    case: Case, later: list[SourceRecord], seen: int, how: str
) -> None:
    halo = MemoryHalo(case.halo)
    in_use = [replace(record, active=True) for record in later]
    async with world_of(halo) as world:
        await run(world, case)
        active = {record.id for record in halo.records.values() if record.active}
        stops_after = seen if how == "stops" else None
        source = MemorySource(in_use, full=how == "stops", stops_after=stops_after)
        with suppress(IncompleteRead):
            await sync(world.attempt(source, case.assigned))
        assert active <= {record.id for record in halo.records.values() if record.active}


@settings(max_examples=100, deadline=None)
@given(cases, sources(), st.integers(1, 20))
async def test_a_changed_source_is_caught_up_with_after_any_interruption(
    case: Case, later: list[SourceRecord], call: int
) -> None:
    calm = MemoryHalo(case.halo)
    async with world_of(calm) as world:
        await run(world, case)
        await run(world, case, later)

    halo = MemoryHalo(case.halo)
    async with world_of(halo) as world:
        await run(world, case)
        world.forget_calls()
        halo.dies_at = call
        with suppress(Interrupted):
            await run(world, case, later)
        halo.dies_at = None
        await run(world, case, later)
        assert content(halo) == content(calm)
        world.forget_calls()
        await run(world, case, later)
        assert halo.written == []
