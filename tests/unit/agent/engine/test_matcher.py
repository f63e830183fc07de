"""Recognising records: by identity, then by one field after the other, and never by a guess."""

from collections.abc import Sequence

import pytest

from halo_agent.engine.contests import Held, Sought, Verdict
from halo_agent.engine.matcher import Ambiguous, Cascade, Match, Matched, Missing, comparable
from halo_agent.engine.records import Desired, TargetRecord, Value
from halo_agent.store.workspace import open_workspace
from halo_shared.mapping import EntityMapping
from tests.support.engine import held, mapping, wish_for

RULES = mapping(match=["emailaddress", "employee"], fields={"emailaddress": "mail", "employee": "badge"})


async def judged(
    wishes: Sequence[Desired],
    records: Sequence[TargetRecord],
    taken: dict[int, str] | None = None,
    rules: EntityMapping = RULES,
) -> list[Match]:
    """What each wish finds, in their order."""
    cascade = Cascade(rules)
    owners = taken or {}
    found: dict[str, Match] = {}
    async with open_workspace() as workspace:
        await workspace.seek([Sought(one, cascade.keys_of_wish(one)) for one in wishes])
        await workspace.hold([Held(one, cascade.keys_of_record(one), owners.get(one.id)) for one in records])
        for level in range(len(cascade.fields)):
            async for contests in workspace.contests(level):
                judged = {one.desired.source_id: cascade.judge(one, level) for one in contests}
                found |= judged
                await workspace.judge(
                    [
                        Verdict(id_, one.existing.id if isinstance(one, Matched) else None)
                        for id_, one in judged.items()
                    ]
                )
    return [found.get(one.source_id, Missing()) for one in wishes]


def anna(source_id: str = "A-1", *, active: bool = True, **fields: Value) -> Desired:
    return wish_for(source_id, active=active, always=fields)


def found(matched: Match) -> tuple[int, str]:
    assert isinstance(matched, Matched)
    return matched.existing.id, matched.reason


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([held(1, azureoid="a-1"), held(2, emailaddress="a@x")], (1, "same azureoid (A-1)")),
        ([held(1, employee=7), held(2, emailaddress="A@X ")], (2, "same emailaddress (a@x)")),
        ([held(1, employee="7"), held(2, emailaddress="b@x")], (1, "same employee (7)")),
        ([held(1, employee=7.0)], (1, "same employee (7)")),
    ],
    ids=["identity first", "then the first field", "then the next", "numbers as people write them"],
)
async def test_the_first_field_that_finds_anything_decides(
    records: list[TargetRecord], expected: tuple[int, str]
) -> None:
    (matched,) = await judged([anna(emailaddress="a@x", employee=7)], records)

    assert found(matched) == expected


async def test_what_is_wished_only_at_times_recognises_too() -> None:
    wishes = [
        wish_for("a-1", on_create={"emailaddress": "a@x"}),
        wish_for("b-1", when_empty={"employee": "9"}),
    ]

    matches = await judged(wishes, [held(1, emailaddress="a@x"), held(2, employee="9")])

    assert [found(matched)[0] for matched in matches] == [1, 2]


@pytest.mark.parametrize(
    "value", [None, "", "  ", (), "0", 0, "00000", "N/A", "none", "Unknown", "Default String"]
)
async def test_a_placeholder_recognises_nothing(value: Value) -> None:
    assert comparable(value) == ""
    assert await judged([anna(employee=value)], [held(1, employee=value)]) == [Missing()]


@pytest.mark.parametrize("source_id", ["0", "000", "unknown"])
async def test_any_id_is_an_id(source_id: str) -> None:
    (matched,) = await judged([anna(source_id)], [held(1, azureoid=source_id)])

    assert found(matched)[0] == 1


async def test_halo_s_empty_identities_are_nobody_s() -> None:
    assert await judged([anna("")], [held(1), held(2, azureoid=" ")]) == [Missing()]


async def test_what_belongs_to_another_is_no_candidate() -> None:
    records = [held(1, emailaddress="a@x"), held(2, employee=7)]

    (matched,) = await judged([anna(emailaddress="a@x", employee=7)], records, taken={1: "b-1"})

    assert found(matched) == (2, "same employee (7)")


async def test_what_belongs_to_the_same_record_still_is() -> None:
    (matched,) = await judged([anna(emailaddress="a@x")], [held(1, emailaddress="a@x")], taken={1: "a-1"})

    assert found(matched)[0] == 1


async def test_several_candidates_are_listed_and_none_is_taken() -> None:
    records = [held(1, emailaddress="a@x"), held(2, emailaddress="A@x"), held(3, employee=7)]

    (matched,) = await judged([anna(emailaddress="a@x", employee=7)], records)

    assert matched == Ambiguous(records[:2], reason="2 records in Halo have emailaddress 'a@x'")


async def test_a_record_that_several_could_be_is_given_to_none_in_whatever_order() -> None:
    wishes = [anna("a-1", emailaddress="a@x"), anna("a-2", emailaddress="a@x")]
    records = [held(1, emailaddress="a@x")]
    nobody = Ambiguous(
        records, reason="several records of the source could be the one in Halo with emailaddress 'a@x'"
    )

    assert await judged(wishes, records) == await judged(wishes[::-1], records) == [nobody, nobody]


async def test_an_identity_wins_over_another_s_match_field_in_whatever_order() -> None:
    stranger, owner = anna("b-1", emailaddress="a@x"), anna("a-1", emailaddress="a@x")
    record = held(1, azureoid="a-1", emailaddress="a@x")

    assert await judged([stranger, owner], [record]) == [Missing(), Matched(record, "same azureoid (a-1)")]
    assert await judged([owner, stranger], [record]) == [Matched(record, "same azureoid (a-1)"), Missing()]


async def test_a_stronger_field_wins_over_another_s_weaker_one() -> None:
    weaker, stronger = anna("b-1", employee=7), anna("a-1", emailaddress="a@x")
    record = held(1, emailaddress="a@x", employee=7)

    assert await judged([weaker, stronger], [record]) == [
        Missing(),
        Matched(record, "same emailaddress (a@x)"),
    ]


async def test_what_is_in_dispute_is_no_certain_find_for_a_third() -> None:
    disputed = [held(1, emailaddress="a@x", employee=7), held(2, emailaddress="a@x")]

    first, second = await judged([anna("a-1", emailaddress="a@x"), anna("b-1", employee=7)], disputed)

    assert isinstance(first, Ambiguous)
    assert isinstance(second, Ambiguous)
    assert [record.id for record in second.candidates] == [1]


async def test_a_value_is_quoted_no_longer_than_a_line() -> None:
    (matched,) = await judged([anna(emailaddress="a" * 5000)], [held(1, emailaddress="a" * 5000)])

    assert len(found(matched)[1]) < 150


async def test_nothing_in_halo_means_nothing_is_found() -> None:
    assert await judged([anna(emailaddress="a@x")], []) == [Missing()]


async def test_of_what_recognises_nothing_halo_is_not_asked() -> None:
    desired = wish_for("A-1", always={"emailaddress": "N/A", "title": "None"}, on_create={"employee": "7"})

    asked = Cascade(RULES).askable(desired)

    assert (asked.always, asked.on_create, asked.hash) == ({"title": "None"}, {"employee": "7"}, desired.hash)
    assert Cascade(RULES).askable(asked) == asked
