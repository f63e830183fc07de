"""Who belongs and who does not, each with its reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halo_agent.connectors.entra_id.scope import Group, Scope
from halo_agent.connectors.entra_id.settings import Users
from halo_agent.engine.records import SourceRecord, Value
from halo_shared.entities import EntityKind

GROUPS = {
    "Sales": Group("g1", "Sales", frozenset({"jane", "joe"})),
    "Board": Group("g2", "Board", frozenset({"jane"})),
}


def user(id_: str = "jane", **attributes: Value) -> SourceRecord:
    return SourceRecord(EntityKind.USERS, id_, id_.title(), attributes)


@pytest.mark.parametrize(
    ("said", "record", "why"),
    [
        ({}, user(userType="Member"), None),
        ({}, user(userType="Guest"), "guest"),
        ({"guests": True}, user(userType="Guest"), None),
        ({"groups": ["Sales"]}, user("joe"), None),
        ({"groups": ["Sales"]}, user("ann"), "none of 'users.groups'"),
        ({"groups": ["Sales"], "exclude_groups": ["Board"]}, user("jane"), "'Board'"),
        ({"where": [{"attribute": "DEPARTMENT", "values": ["sales", "board"]}]}, user(department="Sales"), None),
        ({"where": [{"attribute": "department", "values": ["Sales"]}]}, user(), "department is not Sales"),
        ({"where": [{"attribute": "department", "values": [""]}]}, user(), None),
        ({"where": [{"attribute": "otherMails", "values": ["*@a.example"]}]}, user(otherMails=("x@A.example",)), None),
    ],
)  # fmt: skip
def test_every_answer_has_its_reason(said: dict[str, object], record: SourceRecord, why: str | None) -> None:
    answer = Scope(Users.model_validate(said), GROUPS).leaves_out(record)

    assert answer is None if why is None else answer is not None and why in answer


@given(
    ids=st.sets(st.sampled_from(["jane", "joe", "ann", "bob"])),
    groups=st.lists(st.sampled_from(sorted(GROUPS)), unique=True),
    excluded=st.lists(st.sampled_from(sorted(GROUPS)), unique=True),
)
def test_exclusion_wins_whatever_else_is_said(ids: set[str], groups: list[str], excluded: list[str]) -> None:
    scope = Scope(Users(groups=tuple(groups), exclude_groups=tuple(excluded)), GROUPS)

    kept = {id_ for id_ in ids if scope.leaves_out(user(id_)) is None}

    assert not any(id_ in GROUPS[name].members for id_ in kept for name in excluded)
    assert not groups or all(any(id_ in GROUPS[name].members for name in groups) for id_ in kept)


def test_roles_are_the_groups_that_are_named_for_it() -> None:
    scope = Scope(Users(roles_from=("Board", "Sales")), GROUPS)

    assert scope.roles("jane") == ("Board", "Sales")
    assert scope.roles("joe") == ("Sales",)
