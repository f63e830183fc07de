"""Who may do what: the table cell by cell, and the rules around it."""

from datetime import timedelta

import pytest

from halo_controller.access.deciding import (
    HOST,
    Allowed,
    Hidden,
    Owners,
    Refused,
    Verdict,
    ends,
    may,
    may_give,
)
from halo_controller.access.roles import LEAST, Action, Role
from halo_controller.access.tokens import Bearer, NewToken
from tests.support.builders import NOW

OWN: Owners = frozenset({"acme"})
OTHER: Owners = frozenset({"globex"})
SHARED = OWN | OTHER

READER = Bearer(name="dashboard", role=Role.READER, tenants=OWN)
ADMINISTRATOR = Bearer(name="jane", role=Role.ADMINISTRATOR, tenants=OWN)
OBSERVER = Bearer(name="prometheus", role=Role.OBSERVER)
OPERATOR = Bearer(name="operator", role=Role.OPERATOR)

# What each role may do to what is its tenants' own. Written out: a test that read the table would prove nothing.
READING = {
    *("tenants.read", "groups.read", "agents.read", "integrations.read", "runs.read", "records.read"),
    *("incidents.read", "people.read", "notifications.read", "silences.read", "monitors.read"),
    *("catalogue.read", "classes.read"),
}
ADMINISTERING = READING | {
    *("integrations.create", "integrations.change", "integrations.enable", "integrations.disable"),
    *("integrations.pause", "integrations.resume", "integrations.assign", "integrations.limit"),
    *("integrations.host", "tenants.check"),
    *("runs.start", "runs.preview", "runs.cancel", "runs.approve", "runs.reject", "incidents.acknowledge"),
    *("people.add", "people.change", "people.remove", "notifications.send", "silences.add", "silences.lift"),
    *("monitors.add", "monitors.remove", "tokens.read", "tokens.add", "tokens.revoke", "audit.read"),
}
OBSERVING = READING | {"tokens.read", "audit.read", "operation.read"}
OPERATING = ADMINISTERING | {
    *("tenants.add", "tenants.change", "groups.add", "agents.add", "agents.drain", "agents.resume"),
    *("agents.remove", "operation.read", "times.set", "times.reset", "classes.change"),
}


def test_the_table_knows_every_action() -> None:
    assert set(LEAST) == set(Action)
    assert {action.value for action in Action} == OPERATING


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(
    ("bearer", "rights"),
    [(READER, READING), (ADMINISTRATOR, ADMINISTERING), (OBSERVER, OBSERVING), (OPERATOR, OPERATING)],
    ids=["reader", "administrator", "observer", "operator"],
)
def test_every_cell(bearer: Bearer, rights: set[str], action: Action) -> None:
    has = action in rights
    expected: type[Verdict] = Allowed if has else Refused
    everywhere = bearer.role in {Role.OBSERVER, Role.OPERATOR}

    assert type(may(bearer, action)) is expected
    assert type(may(bearer, action, OWN)) is expected
    assert type(may(bearer, action, SHARED)) is expected
    assert type(may(bearer, action, OTHER)) is (expected if everywhere else Hidden)
    assert type(may(bearer, action, HOST)) is (expected if everywhere else Refused)


def test_a_refusal_names_the_role_the_right_and_who_helps() -> None:
    assert may(READER, Action.RUNS_START, OWN).reason == (
        "This is token 'dashboard', a reader of acme, and may not start runs. It needs the role administrator, which "
        "an operator or an administrator of acme gives with: halo-controller tokens add NAME --role administrator "
        "--tenant acme"
    )
    assert may(ADMINISTRATOR, Action.GROUPS_ADD).reason == (
        "This is token 'jane', an administrator of acme, and may not add groups. Only an operator may."
    )
    assert may(OBSERVER, Action.RUNS_START, OWN).reason == (
        "This is token 'prometheus', an observer, and may not start runs. "
        "An administrator of the tenant may, or an operator."
    )
    assert may(ADMINISTRATOR, Action.SILENCES_ADD, HOST).reason == (
        "This is token 'jane', an administrator of acme, and may not add silences that are not one tenant's own. "
        "Name the tenant, or ask an operator."
    )


@pytest.mark.parametrize(
    ("bearer", "role", "tenants", "expected"),
    [
        (OPERATOR, Role.OPERATOR, HOST, Allowed),
        (OPERATOR, Role.READER, SHARED, Allowed),
        (ADMINISTRATOR, Role.ADMINISTRATOR, OWN, Allowed),
        (ADMINISTRATOR, Role.READER, OWN, Allowed),
        (ADMINISTRATOR, Role.OPERATOR, HOST, Refused),
        (ADMINISTRATOR, Role.OBSERVER, HOST, Refused),
        (OBSERVER, Role.OBSERVER, HOST, Refused),
        (READER, Role.READER, OWN, Refused),
        (ADMINISTRATOR, Role.READER, SHARED, Hidden),
        (ADMINISTRATOR, Role.ADMINISTRATOR, OTHER, Hidden),
    ],
)
def test_rights_never_grow_by_a_token(
    bearer: Bearer, role: Role, tenants: Owners, expected: type[Verdict]
) -> None:
    assert type(may_give(bearer, role, tenants)) is expected


def test_a_token_ends_no_later_than_the_one_that_made_it() -> None:
    soon, late = NOW + timedelta(days=1), NOW + timedelta(days=9)

    assert ends(None, None) is None
    assert ends(late, None) == ends(None, late) == late
    assert ends(late, soon) == ends(soon, late) == soon


@pytest.mark.parametrize(
    ("role", "tenants", "said"),
    [
        (Role.OPERATOR, ("acme",), "an operator's token is for all tenants, so name none"),
        (Role.OBSERVER, ("acme",), "an observer's token is for all tenants, so name none"),
        (Role.READER, (), "name the tenants that this reader's token is for"),
    ],
)
def test_a_token_names_the_tenants_of_its_role(role: Role, tenants: tuple[str, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        NewToken(name="dashboard", role=role, tenants=tenants)
