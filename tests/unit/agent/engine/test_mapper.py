"""From a source's record to what Halo should hold."""

import pytest

from halo_agent.engine.mapper import attributes_read, comparable_id, wish
from halo_agent.engine.records import Place, SourceRecord, Value
from halo_agent.engine.values import as_text, is_empty
from halo_shared.entities import EntityKind
from tests.support.engine import mapping, person


def mapped(value: Value, **rule: object) -> dict[str, Value]:
    """Everything that is wished for when an attribute has this value."""
    rules = mapping(match=[], fields={"title": {"from": "role", **rule}})
    desired = wish(person("a-1", role=value), rules)
    return {**desired.always, **desired.on_create, **desired.when_empty}


@pytest.mark.parametrize("blank", [None, "", "  \t", (), ("", " ")])
@pytest.mark.parametrize(("blank_rule", "wished"), [("keep", {}), ("clear", {"title": ""})])
def test_an_empty_value_keeps_what_halo_has_or_clears_it(
    blank: Value, blank_rule: str, wished: dict[str, Value]
) -> None:
    assert mapped(blank, blank=blank_rule) == wished


@pytest.mark.parametrize(
    ("value", "wished"),
    [
        ("Head", "Head"),
        ("  Head ", "Head"),
        (("", "Head", "Chef"), "Head"),
        (("  Head ",), "Head"),
        (0, 0),
        (False, False),
        (12.0, 12),
        (12.5, 12.5),
    ],
)
def test_a_field_gets_the_first_value_that_says_something(value: Value, wished: Value) -> None:
    assert mapped(value) == {"title": wished}
    assert type(mapped(value)["title"]) is type(wished)


def test_a_constant_is_wished_for_whatever_the_source_says() -> None:
    rules = mapping(fields={"emailaddress": "mail", "isimportantcontact": {"value": True}})

    assert wish(person("a-1"), rules).always["isimportantcontact"] is True


def test_each_rule_says_when_its_field_is_written() -> None:
    rules = mapping(
        fields={
            "emailaddress": "mail",
            "notes": {"value": "from the directory", "when": "create"},
            "phonenumber": {"from": "phone", "when": "empty"},
        }
    )
    desired = wish(person("a-1", phone="12"), rules)

    assert (desired.always, desired.on_create, desired.when_empty) == (
        {"emailaddress": "a-1@acme.example"},
        {"notes": "from the directory"},
        {"phonenumber": "12"},
    )


def test_attributes_are_found_whatever_their_capitals() -> None:
    assert wish(
        person("a-1", GivenName="Anna"), mapping(match=[], fields={"firstname": "givenname"})
    ).always == {"firstname": "Anna"}


def test_the_identity_is_wished_for_although_nobody_maps_it() -> None:
    desired = wish(person(" A-1 "), mapping())

    assert desired.identity == ("azureoid", "A-1")
    assert desired.source_id == "a-1"


def test_name_state_and_place_come_from_the_record_and_the_mapping() -> None:
    desired = wish(
        person("a-1", name="Anna", active=False), mapping(place={"client": "Acme", "site": "Malmö"})
    )

    assert (desired.kind, desired.name, desired.active, desired.place, desired.asset_type) == (
        EntityKind.USERS,
        "Anna",
        False,
        Place("Acme", "Malmö"),
        None,
    )


@pytest.mark.parametrize(
    ("attributes", "type_"),
    [
        ({"kind": "Laptop"}, "Laptop"),
        ({"KIND": (" ", "Laptop")}, "Laptop"),
        ({"kind": " "}, "Workstation"),
        ({}, "Workstation"),
    ],
)
def test_an_asset_type_is_named_by_an_attribute_or_by_default(
    attributes: dict[str, Value], type_: str
) -> None:
    rules = mapping(match=[], asset_type={"from": "Kind", "default": "Workstation"})
    record = SourceRecord(EntityKind.ASSETS, "pc-1", "PC 1", attributes)

    assert wish(record, rules).asset_type == type_


def test_an_asset_type_may_be_the_same_for_all() -> None:
    record = SourceRecord(EntityKind.ASSETS, "pc-1", "PC 1", {})

    assert wish(record, mapping(asset_type={"default": "Printer"})).asset_type == "Printer"


def test_what_a_mapping_reads_is_known_beforehand() -> None:
    rules = mapping(
        fields={"emailaddress": "Mail", "notes": {"value": "x"}},
        asset_type={"from": "Kind", "default": "Printer"},
    )

    assert attributes_read(rules) == {"Mail", "Kind"}
    assert attributes_read(mapping(asset_type={"default": "Printer"})) == {"mail"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (12, "12"),
        (12.0, "12"),
        (12.5, "12.5"),
        (True, "True"),
        (" x ", "x"),
        (float("inf"), "inf"),
    ],
)
def test_values_are_written_as_people_do(value: Value, text: str) -> None:
    assert as_text(value) == text


def test_zero_and_no_say_something() -> None:
    assert not is_empty(0)
    assert not is_empty(False)


def test_ids_are_compared_without_their_capitals() -> None:
    assert comparable_id(" ÅB-1\n") == comparable_id("åb-1")


def test_the_same_wish_has_the_same_hash_and_another_wish_another() -> None:
    rules = mapping(
        fields={
            "emailaddress": "mail",
            "notes": {"from": "note", "when": "create"},
            "phonenumber": {"from": "phone", "when": "empty"},
        }
    )
    same = wish(person("a-1", note="x", phone="1"), rules)
    others = [
        wish(record, rules)
        for record in (
            person("a-1", note="y", phone="1"),
            person("a-1", note="x", phone="2"),
            person("a-1", "other@acme.example", note="x", phone="1"),
            person("a-1", note="x", phone="1", active=False),
            person("A-1", "a-1@acme.example", note="x", phone="1"),
        )
    ]

    assert same.hash == wish(person("a-1", phone="1", note="x", unmapped="z", name="New"), rules).hash
    assert len({same.hash, *(other.hash for other in others)}) == 6
