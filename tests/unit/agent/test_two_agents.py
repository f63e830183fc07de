"""Two agents of a group take turns at one integration, each with a link store of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from halo_agent.engine.sync import sync
from tests.support.builders import REF
from tests.support.engine import MemoryHalo, MemorySource, World, open_world, person


class Turns:
    """One Halo, two agents, and the fences of one controller."""

    def __init__(self, one: World, two: World) -> None:
        self.one, self.two = one, two
        self.halo = one.halo
        self._fence = 0

    async def run(self, world: World, source: MemorySource) -> None:
        """The next attempt, made by this agent."""
        previous, world.fence = self._fence, self._fence
        attempt = world.attempt(source)
        self._fence = world.fence
        await world.store.of(REF, world.fence).take_over(previous)
        await sync(attempt)


@pytest.fixture
async def turns(tmp_path: Path) -> AsyncIterator[Turns]:
    halo = MemoryHalo()
    async with open_world(tmp_path / "one.db", halo) as one, open_world(tmp_path / "two.db", halo) as two:
        yield Turns(one, two)


def source(mail: str, *, active: bool = True) -> MemorySource:
    return MemorySource([person("a-1", mail, active=active)])


def the_person(turns: Turns) -> tuple[object, bool]:
    [record] = turns.halo.records.values()
    return record.fields["emailaddress"], record.active


async def test_a_value_that_comes_back_is_written_although_this_agent_wrote_it_before(turns: Turns) -> None:
    await turns.run(turns.two, source("old@acme.example"))
    await turns.run(turns.one, source("new@acme.example"))
    await turns.run(turns.two, source("old@acme.example"))

    assert the_person(turns) == ("old@acme.example", True)


async def test_a_person_whom_the_other_agent_retired_is_brought_back(turns: Turns) -> None:
    await turns.run(turns.two, source("a@acme.example"))
    await turns.run(turns.one, source("a@acme.example", active=False))
    await turns.run(turns.two, source("a@acme.example"))

    assert the_person(turns) == ("a@acme.example", True)


async def test_an_agent_that_goes_on_alone_asks_halo_nothing(turns: Turns) -> None:
    await turns.run(turns.one, source("a@acme.example"))
    await turns.run(turns.two, source("a@acme.example"))
    await turns.run(turns.two, source("a@acme.example"))
    turns.two.forget_calls()

    await turns.run(turns.two, source("a@acme.example"))

    assert turns.halo.reads == 0
