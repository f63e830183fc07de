"""Asking or listing: whichever takes fewer requests, and never so that something stays unfound."""

import json
from dataclasses import replace

import pytest

from halo_agent.engine.records import TargetRecord
from halo_agent.targets.halo.resources import KINDS
from halo_agent.targets.halo.searching import Way, choose, compared, hidden, questions
from halo_shared.entities import EntityKind
from tests.unit.agent.targets.support import machine, person

USERS, ASSETS = KINDS[EntityKind.USERS], KINDS[EntityKind.ASSETS]


def advanced(name: str, value: str) -> dict[str, str]:
    wanted = [{"filter_name": name, "filter_type": 2, "filter_value": value}]
    return {"advanced_search": json.dumps(wanted)}


def test_other_systems_ids_are_asked_for_exactly() -> None:
    assert questions(USERS, [person("a-1")], ()) == [advanced("azureoid", "a-1")]


def test_match_fields_are_asked_for_in_the_way_halo_has_for_them() -> None:
    asked = questions(USERS, [person("a-1", emailaddress=" anna@acme.example ")], ["emailaddress"])

    assert asked == [advanced("azureoid", "a-1"), {"search": "anna@acme.example"}]


def test_an_asset_tag_is_asked_for_by_its_own_parameter() -> None:
    asked = questions(ASSETS, [machine("7", "PC-7")], ["inventory_number"])

    assert {"inventory_number": "PC-7", "search_inventory_number_only": "true"} in (asked or [])


def test_what_says_nothing_is_not_asked_for() -> None:
    wish = replace(machine("7", "PC-7"), always={"key_field": " ", "key_field2": ""})

    assert questions(ASSETS, [wish], ["key_field", "key_field2", "key_field3"]) == [
        advanced("lansweeper_id", "7")
    ]


def test_what_only_differs_in_the_wish_is_asked_for_once() -> None:
    wishes = [person("a-1", emailaddress="x@acme.example"), person("a-2", emailaddress="x@acme.example")]

    assert len(questions(USERS, wishes, ["emailaddress"]) or []) == 3


def test_an_assets_own_field_cannot_be_asked_for() -> None:
    wish = machine("7", "PC-7", always={"fields.Serial Number": "S7"})

    assert questions(ASSETS, [wish], ["fields.Serial Number"]) is None


@pytest.mark.parametrize(
    ("asked", "records", "hidden_", "way"),
    [
        (1, 1000, False, Way.ASK),
        (9, 1000, False, Way.ASK),
        (10, 1000, False, Way.LIST),  # ten pages prove more than ten answers
        (10, 1000, True, Way.ASK),
        (1011, 1000, True, Way.LIST),
        (1, 100, False, Way.LIST),
        (1, 0, False, Way.LIST),
    ],
)
def test_the_way_with_fewer_requests_is_chosen(asked: int, records: int, hidden_: bool, way: Way) -> None:
    choice = choose([{"search": str(n)} for n in range(asked)], records, 100, hidden=hidden_)

    assert choice.way is way
    assert str(asked) in choice.reason


def test_what_cannot_be_asked_for_is_listed() -> None:
    assert choose(None, 100_000, 100, hidden=False).way is Way.LIST


def test_compared_is_the_identity_and_what_may_match() -> None:
    assert compared([person("a-1")], ["login"]) == {"azureoid", "login"}


def test_a_field_that_one_record_shows_is_shown() -> None:
    shown = TargetRecord(EntityKind.USERS, 1, "x", True, {"azureoid": None})
    bare = TargetRecord(EntityKind.USERS, 2, "y", True, {})

    assert hidden(["azureoid", "login"], [bare, shown]) == {"login"}
