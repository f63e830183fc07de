"""From a source's record to what Halo should hold."""

from dataclasses import replace

import pytest

from halo_agent.engine.mapper import attributes_read, comparable_id, wish
from halo_agent.engine.records import Place, Reference, Role, Software, SourceRecord, Value
from halo_agent.engine.values import as_text, is_empty
from halo_shared.entities import EntityKind
from halo_shared.errors import RecordUnreadable
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


@pytest.mark.parametrize(
    ("attributes", "type_"),
    [({"os": "Windows Server 2022", "kind": "Laptop"}, "Server"), ({"kind": "Laptop"}, "Laptop"), ({}, "PC")],
)
def test_rules_for_asset_types_come_before_the_name(attributes: dict[str, Value], type_: str) -> None:
    rules = mapping(
        match=[],
        asset_type={
            "rules": [{"attribute": "os", "contains": "server", "type": "Server"}],
            "from": "kind",
            "default": "PC",
        },
    )

    assert wish(SourceRecord(EntityKind.ASSETS, "pc-1", "PC 1", attributes), rules).asset_type == type_


@pytest.mark.parametrize(
    ("attributes", "wished"),
    [
        ({"givenName": "Anna", "sn": " Ek "}, {"name": "Anna Ek"}),
        ({"GIVENNAME": "Anna"}, {"name": "Anna"}),
        ({"sn": ("Ek", "Lind")}, {"name": "Ek"}),
        ({"other": "x"}, {}),
    ],
)
def test_a_template_is_filled_with_what_there_is(
    attributes: dict[str, Value], wished: dict[str, Value]
) -> None:
    rules = mapping(match=[], fields={"name": "{givenname} {sn}"})

    assert wish(SourceRecord(EntityKind.USERS, "a-1", "A", attributes), rules).always == wished


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"from": "badge", "required": True}, "employee is required, and badge is empty"),
        (
            {"template": "{badge}{desk}", "required": True},
            "employee is required, and badge and desk is empty",
        ),
        ({"from": "mail", "apply": [{"date": "iso"}]}, "employee: 'a-1@acme.example' is no date"),
    ],
)
def test_a_record_that_cannot_be_mapped_says_which_field_it_is(rule: dict[str, object], said: str) -> None:
    with pytest.raises(RecordUnreadable, match=said):
        wish(person("a-1"), mapping(match=[], fields={"employee": rule}))


def test_software_is_wished_for_as_a_whole_in_any_order() -> None:
    one, two = Software("Zip", "1.0", "Zip Inc"), Software("Edit\tor")
    records = [
        SourceRecord(EntityKind.ASSETS, "pc-1", "PC", {}, software=some)
        for some in [(one, two), (two, one, one)]
    ]
    first, second = (wish(record, mapping()) for record in records)

    assert first == second
    assert first.always["software"] == ("Edit or\t", "Zip\t1.0")


def test_what_is_not_known_of_software_is_no_wish() -> None:
    assert "software" not in wish(SourceRecord(EntityKind.ASSETS, "pc-1", "PC", {}), mapping()).always


@pytest.mark.parametrize(
    "other",
    [
        {"place": Place("Beta", "Main")},
        {"references": (Reference(Role.MANAGER, EntityKind.USERS, "b-1"),)},
        {"active": False},
        {"attributes": {"mail": "other@acme.example"}},
    ],
)
def test_whatever_reaches_halo_changes_the_hash(other: dict[str, object]) -> None:
    record = person("a-1")

    assert wish(record, mapping()).hash == wish(replace(record, name="Renamed"), mapping()).hash
    assert wish(replace(record, **other), mapping()).hash != wish(record, mapping()).hash  # type: ignore[arg-type]


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
