"""Room on disk for one attempt."""

import os
from collections import Counter
from pathlib import Path

from halo_agent.engine.batches import BATCH
from halo_agent.engine.changes import Adopt, Create, Skip
from halo_agent.engine.contests import Held, Sought
from halo_agent.store.workspace import open_workspace
from halo_shared.entities import EntityKind
from halo_shared.errors import AmbiguousMatch
from halo_shared.runs import Action
from tests.support.engine import USERS, held, link_of, wish_for

DESCRIPTORS = Path("/proc/self/fd")


async def test_an_id_is_new_once_for_each_kind() -> None:
    async with open_workspace() as workspace:
        assert await workspace.see(USERS, ["a", "b"]) == {"a", "b"}
        assert await workspace.see(USERS, ["b", "c"]) == {"c"}
        assert await workspace.see(EntityKind.ASSETS, ["a"]) == {"a"}
        assert await workspace.see(USERS, []) == set()
        assert await workspace.unseen(USERS, ["a", "x"]) == {"x"}


async def test_what_is_lost_is_not_merely_unseen_and_what_is_seen_is_not_lost() -> None:
    async with open_workspace() as workspace:
        await workspace.lose(USERS, {"a": "deleted", "b": "deleted"})
        await workspace.see(USERS, ["b"])

        assert [some async for some in workspace.lost(USERS)] == [{"a": "deleted"}]
        assert await workspace.unseen(USERS, ["a", "b", "c"]) == {"c"}


async def test_what_waits_comes_back_as_it_was_and_in_batches() -> None:
    link = link_of("p-0", 7)
    wishes = [
        wish_for(f"p-{number}", always={"n": number, "many": ("a", "b")}) for number in range(BATCH + 1)
    ]
    async with open_workspace() as workspace:
        await workspace.wait(USERS, [(wishes[0], link), *((wish, None) for wish in wishes)])

        assert [some async for some in workspace.linked(USERS)] == [[(wishes[0], link)]]
        assert [some async for some in workspace.unlinked(USERS)] == [wishes[:BATCH], wishes[BATCH:]]
        assert await workspace.unlinked_count(USERS) == BATCH + 1
        assert await workspace.unlinked_count(EntityKind.ASSETS) == 0


async def test_decisions_are_kept_by_sort_and_counted() -> None:
    create = Create(wish_for("a"), reason="not in Halo yet")
    adopt = Adopt(link_of("b", 2), reason="nothing differs")
    skip = Skip(USERS, "c", "C", AmbiguousMatch("two of them"))
    async with open_workspace() as workspace:
        await workspace.decide([create, adopt, skip])

        assert [some async for some in workspace.decisions(USERS, Create)] == [[create]]
        assert [some async for some in workspace.decisions(USERS, Adopt)] == [[adopt]]
        ((kept,),) = [some async for some in workspace.decisions(USERS, Skip)]
        assert (kept.source_id, type(kept.why), kept.why.message) == ("c", AmbiguousMatch, "two of them")
        assert await workspace.counts() == {(USERS, Action.CREATE): 1}


async def test_a_search_leaves_nothing_to_the_next_kind() -> None:
    async with open_workspace() as workspace:
        await workspace.seek([Sought(wish_for("a"), ["k"])])
        await workspace.hold([Held(held(1), ["k"], None)])
        await workspace.forget_search()
        await workspace.seek([Sought(wish_for("b"), ["k"])])

        assert [some async for some in workspace.contests(0)] == []
        assert [len(some) async for some in workspace.missing()] == [1]


async def test_a_crash_leaves_nothing_that_could_be_trusted() -> None:
    """Its file has no name as soon as it is opened, so that nobody can open it again."""
    before = Counter(_open_files())
    async with open_workspace() as workspace:
        for start in range(0, 40 * BATCH, BATCH):
            wishes = [wish_for(f"p-{n}", always={"x": "y" * 2000}) for n in range(start, start + BATCH)]
            await workspace.wait(USERS, [(wish, None) for wish in wishes])
        new = Counter(_open_files()) - before

        assert new
        assert all(name.endswith("(deleted)") for name in new if name.startswith("/"))


def _open_files() -> list[str]:
    names = []
    for descriptor in DESCRIPTORS.iterdir():
        try:
            names.append(os.readlink(descriptor))  # noqa: PTH115 - what is deleted is no Path
        except FileNotFoundError:
            continue
    return names
