"""How much a run may do without a person's word."""

from collections.abc import Sequence

import pytest

from halo_agent.engine import guard
from halo_shared.entities import EntityKind
from halo_shared.limits import Limit, Limits
from halo_shared.runs import Action, Approval, Excess
from tests.support.engine import USERS

TIGHT = Limits.model_validate(
    {
        "entities": {
            "users": {
                "retire": {"count": 10, "percent": 10, "from_population": 50},
                "update": {"count": 20, "percent": 50, "from_population": 50},
            }
        }
    }
)


def checked(
    *,
    retire: int = 0,
    update: int = 0,
    create: int = 0,
    population: int,
    limits: Limits = TIGHT,
    approvals: Sequence[Approval] = (),
) -> Sequence[Excess]:
    counts = {(USERS, Action.RETIRE): retire, (USERS, Action.UPDATE): update, (USERS, Action.CREATE): create}
    return guard.check(counts, dict.fromkeys(counts, population), limits, approvals)


def approval(action: Action, up_to: int, entity: EntityKind = USERS) -> Approval:
    return Approval(entity=entity, action=action, up_to=up_to)


@pytest.mark.parametrize(
    ("population", "allowed"),
    [(0, 10), (49, 10), (50, 5), (59, 5), (60, 6), (100, 10), (1000, 10)],
    ids=["nothing", "small", "just large enough", "rounded down", "by share", "both", "by count"],
)
def test_an_allowance_is_a_count_and_a_share_of_what_is_large_enough(population: int, allowed: int) -> None:
    assert guard.allowance(Limit(count=10, percent=10, from_population=50), population) == allowed


@pytest.mark.parametrize(("found", "held_back"), [(6, False), (7, True)])
def test_retirements_beyond_their_limit_are_held(found: int, held_back: bool) -> None:
    excesses = checked(retire=found, population=60)

    expected = [Excess(entity=USERS, action=Action.RETIRE, found=found, limit=6, population=60)]
    assert excesses == (expected if held_back else [])


def test_updates_have_a_limit_of_their_own() -> None:
    excesses = checked(update=21, retire=6, population=60)

    assert [(one.action, one.found, one.limit) for one in excesses] == [(Action.UPDATE, 21, 20)]


def test_every_limit_that_is_exceeded_is_named() -> None:
    excesses = checked(update=21, retire=7, population=60)

    assert [one.action for one in excesses] == [Action.RETIRE, Action.UPDATE]


def test_new_records_are_never_held_back() -> None:
    assert checked(create=5000, population=60) == []


def test_a_kind_without_limits_has_the_usual_ones() -> None:
    assert checked(retire=500, population=99, limits=Limits()) == []
    (excess,) = checked(retire=501, population=99, limits=Limits())
    assert excess.limit == 500


@pytest.mark.parametrize(
    ("up_to", "found", "limit"),
    [(7, 7, None), (7, 8, 7), (3, 7, 6)],
    ids=["up to what was said", "not one more", "no less than without it"],
)
def test_an_approval_lets_so_many_go(up_to: int, found: int, limit: int | None) -> None:
    excesses = checked(retire=found, population=60, approvals=[approval(Action.RETIRE, up_to)])

    assert [one.limit for one in excesses] == ([] if limit is None else [limit])


@pytest.mark.parametrize(
    "other", [approval(Action.UPDATE, 99), approval(Action.RETIRE, 99, EntityKind.ASSETS)]
)
def test_an_approval_of_something_else_changes_nothing(other: Approval) -> None:
    assert len(checked(retire=7, population=60, approvals=[other])) == 1
