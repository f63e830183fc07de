"""A source that hands out whatever a broken tool can: nothing is lost silently, nothing is done twice."""

import random
from collections.abc import AsyncGenerator

import pytest

from halo_agent.engine.ports import SourceItem, Wanted
from halo_agent.engine.records import SourceRecord, UnreadableRecord, Value
from halo_agent.engine.sync import make_plan, sync
from halo_shared.errors import AmbiguousMatch, IncompleteRead, SourceUnavailable
from halo_shared.runs import RunStatus
from tests.support.engine import USERS, MemorySource, World, assignment, held, mapping, person

MEGABYTE = "x" * 1_000_000
ODD: tuple[tuple[str, str], ...] = (
    ("👩‍🚀-1", "Anna 👩‍🚀"),
    ("عبد-2", "عبد الرحمن"),
    ("\u202ertl-3", "\u202eBidi override"),
    ("nul\0-4", "Nul\0"),
    ("line\n-5", "Two\nlines"),
    ("'; DROP TABLE links; --", "Robert"),
    ("e\u0301-7", "Combining é"),
    ("%_?*[]-8", "Wild cards"),
    ("0", "Zero"),
    ("none", "A placeholder"),
    (MEGABYTE, "A long id"),
)


def odd_people() -> list[SourceRecord]:
    return [person(id_, f"mail{number}@acme.example", name=name) for number, (id_, name) in enumerate(ODD)]


async def test_odd_ids_and_names_are_kept_in_step_like_any_other(world: World) -> None:
    first = await sync(world.attempt(MemorySource(odd_people())))
    held = set(world.halo.by_identity())
    world.forget_calls()
    second = await sync(world.attempt(MemorySource(odd_people())))

    assert (first.status, second.status) == (RunStatus.SUCCEEDED, RunStatus.SUCCEEDED)
    assert held == {id_.strip().casefold() for id_, _ in ODD}
    assert world.halo.asked.total() == 0


async def test_odd_ids_are_found_again_from_halo_alone(world: World) -> None:
    await sync(world.attempt(MemorySource(odd_people())))
    world.forget_calls()
    await world.store._db.execute("DELETE FROM links")

    await sync(world.attempt(MemorySource(odd_people())))

    assert world.halo.written == []
    assert len(await world.links()) == len(ODD)


@pytest.mark.parametrize("value", [MEGABYTE, "\u202e", "\0", ("", MEGABYTE), float("nan"), 10**30, -0.0])
async def test_a_strange_value_is_written_once(world: World, value: Value) -> None:
    rules = mapping(fields={"emailaddress": "mail", "notes": "note"}, match=["emailaddress", "notes"])
    source = MemorySource([person("a-1", note=value)])

    await sync(world.attempt(source, assignment(rules)))
    await sync(world.attempt(source, assignment(rules)))

    assert len(world.halo.written) == 1


async def test_shuffled_duplicates_and_gaps_harm_nobody(world: World) -> None:
    people = [person(f"p-{number}") for number in range(40)]
    await sync(world.attempt(MemorySource(people)))
    torn = UnreadableRecord(USERS, "row 3", "it is torn")
    noise: list[SourceRecord | UnreadableRecord] = [person(""), person(" "), *people[:10], torn]
    for seed in range(5):
        world.forget_calls()
        items: list[SourceRecord | UnreadableRecord] = [*people[:30], *noise]
        random.Random(seed).shuffle(items)  # noqa: S311 - not for secrets

        outcome = await sync(world.attempt(MemorySource(items)))

        assert outcome.status is RunStatus.PARTIAL
        assert len(world.heard.records) == len(noise)
        assert world.halo.written == []


async def test_ids_that_change_with_each_read_never_multiply_people(world: World) -> None:
    """The addresses stay: the guard may hold the retirements, but nobody is there twice and active."""
    for generation in range(3):
        people = [person(f"g{generation}-{number}", f"{number}@acme.example") for number in range(5)]
        await sync(world.attempt(MemorySource(people)))

    active = [record for record in world.halo.records.values() if record.active]
    assert sorted(str(record.fields["azureoid"]) for record in active) == [f"g2-{n}" for n in range(5)]


async def test_half_a_character_is_no_id_and_does_no_harm_elsewhere(world: World) -> None:
    """A lone surrogate is text to Python and to nobody else."""
    half = "\ud83d"
    rules = mapping(fields={"emailaddress": "mail", "notes": "note"})
    people = [person(f"a{half}"), person("b-1", name=f"Bea {half}", note=f"x{half}"), person("c-1")]

    first = await sync(world.attempt(MemorySource(people), assignment(rules)))
    world.forget_calls()
    second = await sync(world.attempt(MemorySource(people), assignment(rules)))

    assert (first.status, second.status) == (RunStatus.PARTIAL, RunStatus.PARTIAL)
    assert [one[2].partition(": ")[2] for one in world.heard.records] == ["its id is not text"]
    assert world.halo.by_identity()["b-1"].fields["notes"] == "x?"
    assert set(world.halo.by_identity()) == {"b-1", "c-1"}
    assert world.halo.asked.total() == 0


async def test_ten_thousand_with_one_address_are_reported_and_none_is_guessed(world: World) -> None:
    crowd = [person(f"p-{number}", "info@acme.example") for number in range(10_000)]
    world.halo.records[7] = held(7, emailaddress="info@acme.example")

    plan, _ = await make_plan(world.attempt(MemorySource(crowd)))

    skips = [skip async for some in plan.skips() for skip in some]
    assert len(skips) == len(crowd)
    assert {type(skip.why) for skip in skips} == {AmbiguousMatch}
    assert plan.size == 0


async def test_a_source_that_raises_half_way_writes_nothing(world: World) -> None:
    class Breaking(MemorySource):
        async def read(self, wanted: Wanted) -> AsyncGenerator[SourceItem, None]:
            async for item in super().read(wanted):
                yield item
                raise SourceUnavailable("The directory hung up.")

    await sync(world.attempt(MemorySource(odd_people())))
    world.forget_calls()

    with pytest.raises(SourceUnavailable):
        await sync(world.attempt(Breaking([person("new")])))

    assert world.halo.asked.total() == 0


async def test_stopping_half_way_through_all_of_it_writes_nothing(world: World) -> None:
    items = [*odd_people(), *odd_people(), person("")]

    with pytest.raises(IncompleteRead):
        await sync(world.attempt(MemorySource(items, stops_after=len(items) - 1)))

    assert world.halo.asked.total() == 0
