"""What every target must keep, wherever it writes; subclass it with that target's own fixtures."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from halo_agent.engine.changes import Applied, Change, Create, Retire, Update
from halo_agent.engine.ports import Target
from halo_agent.engine.records import Desired, TargetRecord
from halo_shared.entities import EntityKind
from halo_shared.errors import RecordError

Snapshot = Callable[[], Awaitable[object]]
NOBODY = 999_999


class TargetContract:
    """Override `target`, `snapshot`, `present`, `retired` and `absent`, all of one kind."""

    @pytest.fixture
    def target(self) -> Target:
        """A target over a place that holds `present` and `retired`, among more than a page of others."""
        raise NotImplementedError

    @pytest.fixture
    def snapshot(self) -> Snapshot:
        """Asks for everything the place holds, by another way than through the target."""
        raise NotImplementedError

    @pytest.fixture
    def present(self) -> tuple[int, Desired]:
        """An active record, and the wish that has its identity and its match values."""
        raise NotImplementedError

    @pytest.fixture
    def retired(self) -> tuple[int, Desired]:
        """An inactive record, likewise."""
        raise NotImplementedError

    @pytest.fixture
    def absent(self) -> Desired:
        """A wish for a record that does not exist."""
        raise NotImplementedError

    @pytest.fixture
    def match(self) -> tuple[str, ...]:
        """A field besides the identity that records may be recognised by."""
        raise NotImplementedError

    async def test_what_has_the_identity_is_a_candidate(
        self, target: Target, present: tuple[int, Desired]
    ) -> None:
        id_, wish = present

        assert id_ in {record.id async for record in target.candidates([wish], ())}

    async def test_candidates_show_what_they_are_recognised_by(
        self, target: Target, present: tuple[int, Desired], match: tuple[str, ...]
    ) -> None:
        id_, wish = present
        found = {record.id: record async for record in target.candidates([wish], match)}

        assert found[id_].fields[wish.identity[0]] == wish.identity[1]
        assert found[id_].fields[match[0]] == wish.always[match[0]]

    async def test_what_has_a_match_value_is_a_candidate(
        self, target: Target, present: tuple[int, Desired], absent: Desired, match: tuple[str, ...]
    ) -> None:
        id_, wish = present
        stranger = Desired(
            absent.kind,
            absent.source_id,
            absent.name,
            active=True,
            always=wish.always,
            on_create={},
            when_empty={},
            identity=absent.identity,
            place=absent.place,
            asset_type=absent.asset_type,
        )

        assert id_ in {record.id async for record in target.candidates([stranger], match)}

    async def test_inactive_records_are_candidates_too(
        self, target: Target, retired: tuple[int, Desired]
    ) -> None:
        id_, wish = retired
        found = {record.id: record async for record in target.candidates([wish], ())}

        assert not found[id_].active

    async def test_no_wish_has_no_candidate(self, target: Target) -> None:
        assert [record async for record in target.candidates([], ())] == []

    async def test_a_candidate_is_given_once(
        self,
        target: Target,
        present: tuple[int, Desired],
        retired: tuple[int, Desired],
        match: tuple[str, ...],
    ) -> None:
        ids = [record.id async for record in target.candidates([present[1], retired[1]], match)]

        assert sorted(ids) == sorted(set(ids))

    async def test_records_are_fetched_by_id_each_once(
        self, target: Target, present: tuple[int, Desired], retired: tuple[int, Desired]
    ) -> None:
        kind = present[1].kind
        found = [record async for record in target.fetch(kind, [present[0], retired[0], present[0]])]

        assert {record.id: record.active for record in found} == {present[0]: True, retired[0]: False}
        assert len(found) == 2
        assert {record.kind for record in found} == {kind}

    async def test_what_does_not_exist_is_left_out(
        self, target: Target, present: tuple[int, Desired]
    ) -> None:
        id_, wish = present

        assert [record.id async for record in target.fetch(wish.kind, [NOBODY, id_])] == [id_]

    async def test_fetching_nothing_gives_nothing(self, target: Target) -> None:
        assert [record async for record in target.fetch(EntityKind.USERS, [])] == []

    async def test_reading_changes_nothing(
        self, target: Target, present: tuple[int, Desired], match: tuple[str, ...], snapshot: Snapshot
    ) -> None:
        id_, wish = present
        before = await snapshot()

        async for _ in target.candidates([wish], match):
            pass
        async for _ in target.fetch(wish.kind, [id_]):
            pass

        assert await snapshot() == before

    async def test_each_new_record_has_an_id_of_its_own(self, target: Target, absent: Desired) -> None:
        first = await applied(target, Create(absent, reason="not in Halo yet"))
        second = await applied(target, Create(absent, reason="not in Halo yet"))

        assert first.halo_id != second.halo_id
        assert not first.found

    async def test_changed_records_keep_their_ids(
        self, target: Target, present: tuple[int, Desired], retired: tuple[int, Desired]
    ) -> None:
        id_, wish = present
        existing = await one(target, wish.kind, id_)
        updated = await applied(
            target, Update(wish, existing, {"notes": "new"}, reason="changed at its source")
        )
        gone = await applied(
            target, Retire(wish.kind, wish.source_id, id_, wish.name, reason="gone", hash="")
        )

        assert (updated, gone) == (Applied(id_), Applied(id_))

    async def test_several_changes_have_an_answer_each(
        self, target: Target, present: tuple[int, Desired], retired: tuple[int, Desired]
    ) -> None:
        changes = [
            Update(wish, await one(target, wish.kind, id_), {"notes": "new"}, reason="changed at its source")
            for id_, wish in (present, retired)
        ]

        answers = {change.source_id: answer async for change, answer in target.apply(changes)}

        assert answers == {wish.source_id: Applied(id_) for id_, wish in (present, retired)}

    async def test_changes_may_be_applied_together(
        self, target: Target, present: tuple[int, Desired], absent: Desired
    ) -> None:
        id_, wish = present
        existing = await one(target, wish.kind, id_)

        both = await asyncio.gather(
            applied(target, Create(absent, reason="not in Halo yet")),
            applied(target, Update(wish, existing, {"notes": "new"}, reason="changed at its source")),
        )

        assert both[1].halo_id == id_ != both[0].halo_id


async def applied(target: Target, change: Change) -> Applied:
    """What a target made of one change; raises what it refused."""
    ((same, answer),) = [one async for one in target.apply([change])]
    assert same is change
    if isinstance(answer, RecordError):
        raise answer
    return answer


async def create(target: Target, wish: Desired) -> int:
    """The id of a new record that fulfils this wish."""
    return (await applied(target, Create(wish, reason="not in Halo yet"))).halo_id


async def create_retired(target: Target, wish: Desired) -> int:
    """The id of a new record that was retired at once."""
    id_ = await create(target, wish)
    await applied(target, Retire(wish.kind, wish.source_id, id_, wish.name, reason="gone", hash=""))
    return id_


async def one(target: Target, kind: EntityKind, id_: int) -> TargetRecord:
    """The one record of this id."""
    (record,) = [record async for record in target.fetch(kind, [id_])]
    return record
