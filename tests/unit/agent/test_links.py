"""What an agent remembers of which record is which."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from halo_agent.engine.batches import BATCH
from halo_agent.engine.records import NO_WISH, Expected, Link, Place, PlaceIds, Reference, Role
from halo_agent.store.links import STEPS, LinkStore, copied_links, open_links
from halo_shared.entities import EntityKind
from halo_shared.errors import ConfigurationError
from halo_shared.identifiers import IntegrationRef
from tests.support.builders import REF
from tests.support.engine import USERS, link_of

ANNA, ROLF = link_of("a-1", 1), link_of("r-1", 2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "links.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[LinkStore]:
    async with open_links(path) as store:
        yield store


def text_file(path: Path) -> Path:
    """A file that is no database."""
    path.write_text("not a database, but long enough to be looked at as one " * 100)
    return path


async def ids(store: LinkStore, fence: int) -> set[str]:
    """Who is linked and active."""
    return {link.source_id async for some in store.of(REF, fence).active(USERS) for link in some}


async def test_links_are_found_by_their_ids(store: LinkStore) -> None:
    links = store.of(REF, 1)
    gone = link_of("g-1", None, active=False)
    await links.save([ANNA, ROLF, gone])

    assert await links.find(USERS, ["a-1", "g-1", "x"]) == {"a-1": ANNA, "g-1": gone}
    assert await links.find(USERS, []) == {}


@pytest.mark.parametrize("odd", ["nul\0inside", "quote'\"", "é", "😀", "x" * 100_000])
async def test_any_id_is_kept_as_it_is(store: LinkStore, odd: str) -> None:
    links = store.of(REF, 1)
    await links.save([link_of(odd, 1), link_of("nul", 2)])

    assert (await links.find(USERS, [odd]))[odd].halo_id == 1


async def test_a_whole_batch_is_found_at_once(store: LinkStore) -> None:
    links = store.of(REF, 1)
    await links.save([link_of(f"p-{number}", number) for number in range(500)])

    assert len(await links.find(USERS, [f"p-{number}" for number in range(500)])) == 500


async def test_links_survive_a_restart(path: Path) -> None:
    async with open_links(path) as store:
        await store.of(REF, 1).save([ANNA])
    async with open_links(path) as reopened:
        assert await reopened.of(REF, 2).find(USERS, ["a-1"]) == {"a-1": ANNA}


class TestFences:
    async def test_a_newer_attempt_overwrites_an_older_one(self, store: LinkStore) -> None:
        await store.of(REF, 1).save([link_of("a-1", 1)])
        await store.of(REF, 2).save([link_of("a-1", 9)])

        assert (await store.of(REF, 3).find(USERS, ["a-1"]))["a-1"].halo_id == 9

    async def test_an_older_attempt_never_overwrites_a_newer_one(self, store: LinkStore) -> None:
        await store.of(REF, 2).save([link_of("a-1", 9)])
        await store.of(REF, 1).save([link_of("a-1", 1), link_of("r-1", 2)])

        found = await store.of(REF, 3).find(USERS, ["a-1", "r-1"])
        assert {id_: link.halo_id for id_, link in found.items()} == {"a-1": 9, "r-1": 2}

    async def test_the_same_attempt_may_write_twice(self, store: LinkStore) -> None:
        links = store.of(REF, 1)
        await links.save([link_of("a-1", 1)])
        await links.save([link_of("a-1", 1, active=False)])

        assert not (await links.find(USERS, ["a-1"]))["a-1"].active


class TestActive:
    async def test_active_links_come_in_batches_each_once(self, store: LinkStore) -> None:
        links = store.of(REF, 1)
        await links.save([link_of(f"p-{number:04}", number) for number in range(2 * BATCH + 1)])
        await links.save([link_of("gone", 99_999, active=False)])

        sizes = [len(some) async for some in links.active(USERS)]

        assert sizes == [BATCH, BATCH, 1]
        assert len(await ids(store, 2)) == 2 * BATCH + 1


class TestScope:
    @pytest.mark.parametrize(
        ("ref", "kind"),
        [
            (IntegrationRef("acme", "other"), USERS),
            (IntegrationRef("other", "people"), USERS),
            (REF, EntityKind.ASSETS),
        ],
        ids=["another integration", "another tenant", "another kind"],
    )
    async def test_links_of_another_scope_are_not_seen_and_not_touched(
        self, store: LinkStore, ref: IntegrationRef, kind: EntityKind
    ) -> None:
        await store.of(REF, 1).save([ANNA])
        others = store.of(ref, 9)

        assert await others.find(kind, ["a-1"]) == {}
        assert await others.active_count(kind) == 0
        assert await others.taken(kind, [1]) == {}
        assert [some async for some in others.active(kind)] == []
        await others.save([Link(kind, "a-1", 77, hash="x", active=True, name="Other")])
        assert await store.of(REF, 2).find(USERS, ["a-1"]) == {"a-1": ANNA}
        assert await ids(store, 2) == {"a-1"}

    async def test_active_links_are_counted_and_owners_named(self, store: LinkStore) -> None:
        links = store.of(REF, 1)
        await links.save([ANNA, ROLF, link_of("g-1", 3, active=False), link_of("n-1", None, active=False)])

        assert await links.active_count(USERS) == 2
        assert await links.taken(USERS, [1, 3, 99]) == {1: "a-1", 3: "g-1"}


class TestCopies:
    async def test_a_copy_holds_the_same_and_writes_nothing_back(self, path: Path, store: LinkStore) -> None:
        await store.of(REF, 1).save([ANNA])
        async with copied_links(path) as copy:
            links = copy.of(REF, 2**62)
            assert await links.find(USERS, ["a-1"]) == {"a-1": ANNA}
            await links.save([link_of("a-1", 99), ROLF])

        assert await store.of(REF, 2).find(USERS, ["a-1", "r-1"]) == {"a-1": ANNA}
        assert await ids(store, 2) == {"a-1"}

    async def test_where_nothing_is_remembered_yet_no_file_is_made(self, path: Path) -> None:
        async with copied_links(path) as copy:
            assert await copy.of(REF, 1).active_count(USERS) == 0

        assert not path.parent.exists()


class TestFilesThatCannotBeUsed:
    @pytest.mark.parametrize("opening", [open_links, copied_links])
    async def test_a_file_of_a_newer_program_is_refused(self, path: Path, opening: type) -> None:
        async with open_links(path):
            pass
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()

        with pytest.raises(ConfigurationError, match=r"links\.db was written by a newer halo-agent"):
            async with opening(path):
                pass

    @pytest.mark.parametrize("opening", [open_links, copied_links])
    async def test_a_file_that_is_something_else_is_named(self, tmp_path: Path, opening: type) -> None:
        path = text_file(tmp_path / "links.db")

        with pytest.raises(ConfigurationError, match=r"links\.db cannot be .*not a database"):
            async with opening(path):
                pass

    async def test_a_place_that_is_no_folder_is_named(self, tmp_path: Path) -> None:
        path = text_file(tmp_path / "data") / "links.db"

        with pytest.raises(ConfigurationError, match=r"links\.db cannot be used"):
            async with open_links(path):
                pass

    async def test_a_step_that_fails_leaves_the_file_as_it_was(self, path: Path) -> None:
        path.parent.mkdir()
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE links (something TEXT)")
        db.close()

        with pytest.raises(ConfigurationError):
            async with open_links(path):
                pass

        with sqlite3.connect(path) as db:
            assert db.execute("PRAGMA user_version").fetchone() == (0,)
        db.close()


class TestTakingOver:
    """What another agent wrote in between is not known here."""

    async def test_the_next_attempt_of_the_same_agent_trusts_what_it_wrote(self, store: LinkStore) -> None:
        assert await store.of(REF, 5).take_over(0)
        await store.of(REF, 5).save([ANNA])

        assert await store.of(REF, 6).take_over(5)
        assert (await store.of(REF, 6).find(USERS, ["a-1"]))["a-1"].hash == ANNA.hash

    async def test_after_an_attempt_of_another_agent_nothing_counts_as_written(
        self, store: LinkStore
    ) -> None:
        await store.of(REF, 5).take_over(0)
        await store.of(REF, 5).save([ANNA])

        assert not await store.of(REF, 7).take_over(6)

        link = (await store.of(REF, 7).find(USERS, ["a-1"]))["a-1"]
        assert (link.halo_id, link.hash) == (ANNA.halo_id, NO_WISH)

    async def test_it_is_known_again_after_one_attempt(self, store: LinkStore) -> None:
        await store.of(REF, 5).take_over(0)
        await store.of(REF, 7).take_over(6)

        assert await store.of(REF, 8).take_over(7)

    async def test_other_integrations_are_not_concerned(self, store: LinkStore) -> None:
        other = IntegrationRef("acme", "other")
        await store.of(other, 5).take_over(0)
        await store.of(other, 5).save([ANNA])

        await store.of(REF, 7).take_over(6)

        assert (await store.of(other, 8).find(USERS, ["a-1"]))["a-1"].hash == ANNA.hash


class TestExpected:
    TO_BO = Reference(Role.MANAGER, USERS, "Bo")

    async def test_a_reference_waits_until_both_are_in_halo(self, store: LinkStore) -> None:
        links = store.of(REF, 1)
        await links.save([ANNA])
        await links.expect(USERS, {"a-1": [self.TO_BO]})
        assert [some async for some in links.expected(USERS)] == []

        await links.save([link_of("bo", 8)])

        expected = [Expected(ANNA, self.TO_BO, 8)]
        assert [some async for some in links.expected(USERS)] == [expected]
        await links.met(expected)
        assert [some async for some in links.expected(USERS)] == []

    async def test_what_is_expected_now_takes_the_place_of_what_was(self, store: LinkStore) -> None:
        links = store.of(REF, 1)
        await links.save([ANNA, link_of("bo", 8)])
        await links.expect(USERS, {"a-1": [self.TO_BO]})
        await links.expect(USERS, {"a-1": ()})

        assert [some async for some in links.expected(USERS)] == []

    async def test_where_another_agent_has_been_nothing_old_is_expected(self, store: LinkStore) -> None:
        links = store.of(REF, 1)
        await links.save([ANNA, link_of("bo", 8)])
        await links.expect(USERS, {"a-1": [self.TO_BO]})

        assert not await store.of(REF, 5).take_over(4)

        assert [some async for some in store.of(REF, 5).expected(USERS)] == []

    async def test_of_another_integration_nothing_is_expected(self, store: LinkStore) -> None:
        await store.of(REF, 1).save([ANNA, link_of("bo", 8)])
        await store.of(REF, 1).expect(USERS, {"a-1": [self.TO_BO]})

        assert [some async for some in store.of(IntegrationRef("acme", "other"), 1).expected(USERS)] == []


class TestPlaces:
    async def test_a_learnt_place_is_known_by_its_integration_from_then_on(self, store: LinkStore) -> None:
        place, ids_ = Place("Beta", "Main"), PlaceIds(2, 22)
        await store.of(REF, 1).learn(place, ids_)

        assert await store.of(REF, 2).places() == {place: ids_}
        assert await store.of(IntegrationRef("acme", "other"), 2).places() == {}


async def test_a_store_of_an_older_program_keeps_its_links(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as db:
        db.executescript(STEPS[0])
        db.execute("INSERT INTO links VALUES ('acme', 'people', 'users', 'a-1', 7, 'h', 1, 'Anna', 3, 3)")
        db.execute("PRAGMA user_version = 1")
        db.commit()

    async with open_links(path) as store:
        known = await store.of(REF, 4).find(USERS, ["a-1"])

    assert known == {"a-1": Link(USERS, "a-1", 7, hash="h", active=True, name="Anna")}
