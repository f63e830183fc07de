"""One record alone: found, told step by step, and nothing else touched."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from halo_agent.tracing.one import sync_one
from halo_shared.errors import NotAtSource
from halo_shared.limits import Limits
from halo_shared.messages.commands import Assignment
from halo_shared.outcomes import Result
from halo_shared.runs import Mode, RunStatus
from tests.support.engine import (
    FREE,
    USERS,
    MemorySource,
    World,
    assignment,
    held,
    mapping,
    open_world,
    person,
)

PEOPLE = (person("p-1", name="Anna"), person("p-2", name="Rolf"), person("p-3", name="Rolf"))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path / "links.db") as world:
        yield world


def only(key: str, *, limits: Limits = FREE, preview: bool = False) -> Assignment:
    asked = assignment(mapping(fields={"emailaddress": "mail", "name": "{mail}"}), limits=limits)
    return asked.model_copy(update={"only": key, "mode": Mode.RECONCILE, "preview": preview})


async def synced(world: World, asked: Assignment, *people: object) -> tuple[str, list[tuple[str, str]]]:
    """How it ended, and what was told."""
    told: list[tuple[str, str]] = []

    async def tell(step: str, text: str) -> None:
        told.append((step, text))

    attempt = world.attempt(MemorySource(people), asked)  # type: ignore[arg-type]  # records only
    outcome = await sync_one(attempt, world.workspace, tell)
    return outcome.status, told


@pytest.mark.parametrize("key", ["p-1", "P-1 ", "anna", "p-1@acme.example"])
async def test_the_record_is_known_by_its_id_its_name_or_what_recognises_it(world: World, key: str) -> None:
    status, _ = await synced(world, only(key), *PEOPLE)

    assert status == RunStatus.SUCCEEDED
    assert list(world.halo.by_identity()) == ["p-1"]


async def test_each_step_is_told_in_its_order(world: World) -> None:
    world.halo.records[7] = held(7, emailaddress="p-1@acme.example", name="Old name")

    status, told = await synced(world, only("p-1"), *PEOPLE)

    assert status == RunStatus.SUCCEEDED
    assert list(dict.fromkeys(step for step, _ in told)) == [
        "read",
        "scope",
        "map",
        "match",
        "plan",
        "guard",
        "result",
    ]
    said = [f"{step}: {text}" for step, text in told]
    assert "read: Anna (users p-1) has it as its id" in said
    assert "map: emailaddress = 'p-1@acme.example' (from mail 'p-1@acme.example'; written always)" in said
    assert "match: by azureoid: nothing further" in said
    assert "match: by emailaddress: 1 in Halo: 7 (Record 7)" in said
    assert "plan: update: same emailaddress (p-1@acme.example)" in said
    assert "plan: name: 'Old name' → 'p-1@acme.example'" in said
    assert "guard: within the limits" in said
    assert "result: updated, users 7 in Halo: same emailaddress (p-1@acme.example)" in said


async def test_nobody_else_is_retired_or_touched(world: World) -> None:
    for one in PEOPLE:
        await synced(world, only(one.id), one)
    before = dict(world.halo.records)

    status, _ = await synced(world, only("p-1"), person("p-1", mail="new@acme.example", name="Anna"))

    changed = [id_ for id_, record in world.halo.records.items() if record != before[id_]]
    assert (status, len(changed), len(before)) == (RunStatus.SUCCEEDED, 1, 3)
    assert [link.active for link in (await world.links()).values()] == [True] * 3


async def test_it_is_compared_with_halo_although_nothing_changed_at_its_source(world: World) -> None:
    await synced(world, only("p-1"), *PEOPLE)
    (id_,) = world.halo.records
    world.halo.records[id_] = held(id_, azureoid="p-1", emailaddress="wrong@acme.example", name="x")

    await synced(world, only("p-1"), *PEOPLE)

    assert world.halo.records[id_].fields["emailaddress"] == "p-1@acme.example"


async def test_one_that_is_not_there_is_said_to_be_nowhere_and_nothing_is_done(world: World) -> None:
    await synced(world, only("p-1"), *PEOPLE)
    before = dict(world.halo.records)

    with pytest.raises(NotAtSource, match="None of 2 records has 'p-1'"):
        await synced(world, only("p-1"), *PEOPLE[1:])

    assert world.halo.records == before


async def test_a_name_that_several_have_is_not_guessed(world: World) -> None:
    with pytest.raises(NotAtSource, match=r"Several users are 'rolf': p-2 \(Rolf\), p-3 \(Rolf\)"):
        await synced(world, only("rolf"), *PEOPLE)

    assert world.halo.records == {}


async def test_it_obeys_the_guard(world: World) -> None:
    world.halo.records[7] = held(7, emailaddress="p-1@acme.example")
    none = Limits.model_validate({"entities": {"users": {"update": {"count": 0}}}})

    status, told = await synced(world, only("p-1", limits=none), *PEOPLE)

    assert status == RunStatus.HELD
    assert [text for step, text in told if step == "guard"] == [
        "it would update 1 of 1 users in Halo and may update 0 without approval"
    ]
    assert world.halo.asked["apply"] == 0


async def test_a_preview_of_one_tells_all_steps_and_writes_nothing(world: World) -> None:
    status, told = await synced(world, only("p-1", preview=True), *PEOPLE)

    assert (status, world.halo.asked["apply"]) == (RunStatus.SUCCEEDED, 0)
    assert next(text for step, text in told if step == "plan") == "create: not in Halo yet"
    assert [(one.result, one.planned) for one in world.heard.outcomes] == [(Result.CREATED, True)]
    assert {one.entity for one in world.heard.outcomes} == {USERS}
