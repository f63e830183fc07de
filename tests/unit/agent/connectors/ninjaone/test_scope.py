"""Which organizations and devices belong to it, and how NinjaOne is asked for them."""

import pytest

from halo_agent.connectors.ninjaone.scope import MOST_NAMED, Scope, chosen
from halo_agent.connectors.ninjaone.settings import Devices, Organizations
from halo_shared.errors import SettingsInvalid
from tests.support.ninjaone import filters

ALL = {1: "Acme", 2: "Globex", 3: "1"}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({}, {1, 2, 3}),
        ({"include": [" ACME "]}, {1}),
        ({"include": ["1"]}, {1, 3}),  # a name that is another's id stands for both
        ({"exclude": [2]}, {1, 3}),
        ({"include": ["Acme", "Globex"], "exclude": ["Acme"]}, {2}),
    ],
)
def test_organizations_by_name_or_id(said: dict[str, object], found: set[int]) -> None:
    assert set(chosen(ALL, Organizations.model_validate(said))) == found


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"include": ["Acne"]}, "organizations.include: .*'Acne'; near to it are: Acme"),
        ({"exclude": [9]}, "organizations.exclude: .*'9'; near to it are: none"),
        ({"include": ["Acme"], "exclude": [1]}, "leaves nothing"),
    ],
)
def test_what_names_nothing_is_refused(said: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsInvalid, match=words):
        chosen(ALL, Organizations.model_validate(said))


@pytest.mark.parametrize(
    ("devices", "organizations"),
    [
        ({}, None),
        ({"classes": ["nms_*", "MAC"], "filter": "loc = 4 AND online"}, {1: "Acme", 2: "Globex"}),
        ({"classes": ["*"], "pending": True}, {3: "1"}),
    ],
)
def test_the_filter_says_what_is_decided_here(
    devices: dict[str, object], organizations: dict[int, str] | None
) -> None:
    scope = Scope(Devices.model_validate(devices), organizations)
    passes = filters.parsed(scope.filter)

    for organization in (1, 3):
        for class_ in ("WINDOWS_SERVER", "MAC", "NMS_SWITCH"):
            for status in ("APPROVED", "PENDING"):
                device = {"organizationId": organization, "nodeClass": class_, "approvalStatus": status}
                filtered = passes({**device, "locationId": 4, "offline": False})
                assert filtered is (scope.leaves_out(device) is None), device


def test_nothing_to_ask_for_is_no_filter() -> None:
    assert Scope(Devices(classes=("*",), pending=True)).filter == ""


def test_very_many_organizations_are_sorted_here() -> None:
    many = dict.fromkeys(range(1, MOST_NAMED + 2), "")

    assert "org" not in Scope(Devices(), many).filter
    assert Scope(Devices(), many).leaves_out({"organizationId": 9_999}) is not None
