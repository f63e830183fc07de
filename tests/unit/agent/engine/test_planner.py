"""What is to be done about each record, and why."""

import pytest

from halo_agent.engine import planner
from halo_agent.engine.changes import Adopt, Create, Retire, Skip, Update
from halo_agent.engine.matcher import Ambiguous, Matched, Missing
from halo_agent.engine.records import Desired, Link, TargetRecord, Value
from halo_shared.errors import AmbiguousMatch
from tests.support.engine import held, link_of, mapping, wish_for

RULES = mapping()
IN_USE = wish_for("A-1", always={"title": "Head"})
OUT_OF_USE = wish_for("A-1", active=False, always={"title": "Head"})
LIKE = held(5, azureoid="A-1", title="Head")


def fulfilled(desired: Desired, halo_id: int | None) -> Link:
    """The link of a wish that is fulfilled."""
    return Link(desired.kind, "a-1", halo_id, hash=desired.hash, active=desired.active, name="Person A-1")


def test_a_wish_that_was_fulfilled_needs_no_look_at_halo() -> None:
    assert planner.unchanged(IN_USE, fulfilled(IN_USE, 1))
    assert not planner.unchanged(IN_USE, fulfilled(OUT_OF_USE, 1))
    assert not planner.unchanged(IN_USE, None)


class TestARecordWithoutALink:
    def test_what_halo_has_not_is_created(self) -> None:
        assert planner.for_match(IN_USE, Missing(), RULES) == Create(IN_USE, reason="not in Halo yet")

    def test_what_is_out_of_use_and_not_in_halo_is_not_created(self) -> None:
        assert planner.for_match(OUT_OF_USE, Missing(), RULES) == Adopt(
            fulfilled(OUT_OF_USE, None), reason="out of use at its source and not in Halo"
        )

    def test_what_differs_gets_the_fields_that_differ(self) -> None:
        existing = held(5, azureoid="A-1", title="Hand")

        assert planner.for_match(IN_USE, Matched(existing, "same mail"), RULES) == Update(
            IN_USE, existing, {"title": "Head"}, reason="same mail"
        )

    def test_what_is_the_same_is_only_remembered(self) -> None:
        assert planner.for_match(IN_USE, Matched(LIKE, "same mail"), RULES) == Adopt(
            fulfilled(IN_USE, 5), reason="same mail; nothing differs"
        )

    def test_what_halo_has_inactive_is_made_active(self) -> None:
        existing = held(5, active=False, azureoid="A-1", title="Head")

        assert planner.for_match(IN_USE, Matched(existing, "same mail"), RULES) == Update(
            IN_USE, existing, {}, reason="same mail", reactivate=True
        )

    def test_what_is_out_of_use_is_retired(self) -> None:
        assert planner.for_match(OUT_OF_USE, Matched(held(5), "same mail"), RULES) == Retire(
            OUT_OF_USE.kind, "a-1", 5, "Person A-1", reason="out of use at its source", hash=OUT_OF_USE.hash
        )

    def test_what_is_out_of_use_on_both_sides_is_only_remembered(self) -> None:
        assert planner.for_match(OUT_OF_USE, Matched(held(5, active=False), "same mail"), RULES) == Adopt(
            fulfilled(OUT_OF_USE, 5), reason="out of use at its source and inactive in Halo"
        )

    def test_what_is_ambiguous_is_left_alone_and_names_those_it_could_be(self) -> None:
        decision = planner.for_match(
            IN_USE, Ambiguous([held(5), held(6)], "2 records in Halo have mail 'x'"), RULES
        )

        assert isinstance(decision, Skip)
        assert isinstance(decision.why, AmbiguousMatch)
        assert decision.why.message.startswith(
            "2 records in Halo have mail 'x': 5 (Record 5) or 6 (Record 6). Correct them"
        )


class TestALinkedRecord:
    def test_its_changes_are_sent_and_nothing_else(self) -> None:
        existing = held(5, azureoid="A-1", title="Hand", notes="Halo's own")

        assert planner.for_link(IN_USE, link_of("a-1", 5), existing, RULES) == Update(
            IN_USE, existing, {"title": "Head"}, reason="changed at its source"
        )

    def test_what_somebody_made_inactive_in_halo_stays_so(self) -> None:
        existing = held(5, active=False, azureoid="A-1", title="Hand")
        decision = planner.for_link(IN_USE, link_of("a-1", 5), existing, RULES)

        assert isinstance(decision, Update)
        assert not decision.reactivate

    def test_what_comes_back_after_its_retirement_is_made_active(self) -> None:
        existing = held(5, active=False, azureoid="A-1", title="Head")
        decision = planner.for_link(IN_USE, link_of("a-1", 5, active=False), existing, RULES)

        assert decision == Update(IN_USE, existing, {}, reason="changed at its source", reactivate=True)

    def test_what_comes_back_and_is_active_already_is_only_remembered(self) -> None:
        decision = planner.for_link(IN_USE, link_of("a-1", 5, active=False), LIKE, RULES)

        assert decision == Adopt(fulfilled(IN_USE, 5), reason="changed at its source; nothing differs")

    def test_what_goes_out_of_use_is_retired(self) -> None:
        assert isinstance(planner.for_link(OUT_OF_USE, link_of("a-1", 5), held(5), RULES), Retire)


class TestAnAbsentRecord:
    def test_what_halo_still_has_is_retired(self) -> None:
        link = link_of("a-1", 5)

        assert planner.for_absence(link, held(5), RULES) == Retire(
            link.kind, "a-1", 5, "Person a-1", reason="no longer at its source", hash=""
        )

    @pytest.mark.parametrize(
        ("existing", "remembered", "reason"),
        [
            (None, link_of("a-1", None, active=False, hash_=""), "no longer at its source and not in Halo"),
            (
                held(5, active=False),
                link_of("a-1", 5, active=False, hash_=""),
                "no longer at its source and inactive in Halo",
            ),
        ],
        ids=["deleted by hand", "made inactive by hand"],
    )
    def test_what_halo_has_no_more_is_only_remembered(
        self, existing: TargetRecord | None, remembered: Link, reason: str
    ) -> None:
        assert planner.for_absence(link_of("a-1", 5), existing, RULES) == Adopt(remembered, reason)


class TestDifferences:
    def test_only_changed_fields_are_sent(self) -> None:
        desired = wish_for("A-1", always={"title": "Head", "room": 12})
        existing = held(5, azureoid="A-1", title="Hand", room="12", notes="Halo's own")

        assert planner.differences(desired, existing, RULES) == {"title": "Head"}

    def test_the_identity_is_sent_where_halo_has_none_or_another(self) -> None:
        for existing in (held(5), held(5, azureoid="old")):
            assert planner.differences(wish_for("A-1"), existing, RULES) == {"azureoid": "A-1"}

    def test_what_is_for_creation_is_not_sent(self) -> None:
        desired = wish_for("A-1", on_create={"notes": "new"})

        assert planner.differences(desired, held(5, azureoid="A-1", notes="old"), RULES) == {}

    @pytest.mark.parametrize(("before", "sent"), [(None, {"phone": "1"}), (" ", {"phone": "1"}), ("2", {})])
    def test_what_is_for_empty_fields_fills_only_those(self, before: Value, sent: dict[str, Value]) -> None:
        desired = wish_for("A-1", when_empty={"phone": "1"})

        assert planner.differences(desired, held(5, azureoid="A-1", phone=before), RULES) == sent

    def test_a_cleared_field_is_sent_while_halo_holds_something(self) -> None:
        desired = wish_for("A-1", always={"title": ""})

        assert planner.differences(desired, held(5, azureoid="A-1", title="Hand"), RULES) == {"title": ""}
        assert planner.differences(desired, held(5, azureoid="A-1"), RULES) == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (12, 12.0),
        (12, "12"),
        (12.0, "12"),
        (12.5, "12.5"),
        (None, ""),
        (None, "  "),
        ((), ""),
        ("Head", " Head "),
        (True, "true"),
        (False, "False"),
        (True, 1),
    ],
)
def test_what_means_the_same_does_not_differ(one: Value, other: Value) -> None:
    assert planner.same(one, other)
    assert planner.same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (12, 13),
        (12, "12.5"),
        (0, None),
        (0, ""),
        (False, None),
        ("Head", "head"),
        (True, "no"),
        (True, False),
    ],
)
def test_what_means_something_else_differs(one: Value, other: Value) -> None:
    assert not planner.same(one, other)
    assert not planner.same(other, one)
