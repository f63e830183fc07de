"""Halo's shapes become ours."""

import pytest

from halo_agent.engine.records import TargetRecord, Value
from halo_agent.targets.halo import wire
from halo_agent.targets.halo.resources import ASSET_TYPE
from halo_shared.entities import EntityKind
from halo_shared.errors import TargetUnavailable


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (12.0, 12),
        (12.5, 12.5),
        (7, 7),
        (True, True),
        ("x", "x"),
        ("", None),
        (None, None),
        ([1], None),
    ],
)
def test_values_can_be_compared(value: object, seen: Value) -> None:
    plain = wire.plain(value)

    assert plain == seen
    assert type(plain) is type(seen)


@pytest.mark.parametrize(
    ("reply", "id_"),
    [
        ({"id": 7}, 7),
        ({"id": 7.0}, 7),
        ({"id": "7"}, 7),
        ([{"id": 7}], 7),
        ({"users": [{"id": 7}]}, 7),
        ({"record_count": 1, "assets": [{"id": 7}]}, 7),
        ({"id": None}, None),
        ({"id": True}, None),
        ({}, None),
        ([], None),
        ([{"id": 7}, {"id": 8}], None),
        ({"users": []}, None),
        ("7", None),
        (None, None),
    ],
)
def test_the_written_id_is_found_in_every_shape_of_reply(reply: object, id_: int | None) -> None:
    assert wire.written_id(reply) == id_


def test_a_record_is_flat_and_holds_an_assets_own_fields() -> None:
    row = {
        "id": 20001,
        "inventory_number": "PC-7",
        "site_id": 12.0,
        "notes": "",
        "inactive": True,
        "users": [{"id": 7}, {"id": 12}],
        "customfields": [{"id": 9, "name": "CFLease", "value": "2027"}, {"id": 8, "name": "x", "value": "1"}],
        "external_links": [
            {"third_party_type": "people", "third_party_id": "A-7"},
            {"third_party_type": "another", "third_party_id": "B-7"},
        ],
        "fields": [
            {"id": 51, "name": "Serial Number", "value": "S7"},
            {"id": 52, "name": "Model", "value": ""},
        ],
    }

    assert wire.record(EntityKind.ASSETS, row, "people") == TargetRecord(
        kind=EntityKind.ASSETS,
        id=20001,
        name="PC-7",
        active=False,
        fields={
            "id": 20001,
            "inventory_number": "PC-7",
            "site_id": 12,
            "notes": None,
            "inactive": True,
            "fields.Serial Number": "S7",
            "fields.51": "S7",
            "fields.Model": None,
            "fields.52": None,
            "users": ("12", "7"),
            "CFLease": "2027",
            "external_link": "A-7",
        },
    )


def test_an_asset_without_a_tag_is_called_by_its_key() -> None:
    assert wire.record(EntityKind.ASSETS, {"id": 1, "key_field": "S7"}).name == "S7"


@pytest.mark.parametrize("body", [None, [], {}, {"name": "x"}, {"id": "seven"}])
def test_what_is_no_record_is_not_taken_for_one(body: object) -> None:
    with pytest.raises(TargetUnavailable, match="not a record"):
        wire.single(body, ASSET_TYPE)


def test_the_fields_of_a_type_are_found_in_either_shape() -> None:
    row = {
        "fields": [{"id": 1.0, "field_id": 51.0, "field_name": "Serial Number"}, {"field_name": "Lost"}],
        "field_list": [{"id": 52, "name": "Model"}],
    }

    assert wire.type_fields(row) == {"Serial Number": 51, "Model": 52}


def test_an_address_that_is_no_halo_is_not_taken_for_one() -> None:
    with pytest.raises(TargetUnavailable, match="check 'url'"):
        wire.about({"ok": True})


@pytest.mark.parametrize(
    ("reply", "ids"),
    [
        ([{"id": 7}, {"id": 8}], [7, 8]),
        ({"users": [{"id": 7}, {"id": 8}]}, [7, 8]),
        ({"id": 7, "customfields": []}, [7]),
        ({"error": "no"}, [None]),
        ([], []),
        ("stored", []),
        (None, []),
    ],
)
def test_the_rows_of_a_reply_are_found_in_every_shape(reply: object, ids: list[int | None]) -> None:
    assert [row.get("id") for row in wire.replies(reply)] == ids


@pytest.mark.parametrize(
    "body",
    [
        {"components": {"schemas": {"Users": {"properties": {"name": {}, "login": {}}}}}},
        {"definitions": {"Users": {"properties": {"name": {}, "login": {}}}}},
    ],
)
def test_a_description_names_the_properties_in_its_old_form_and_its_new(body: object) -> None:
    assert wire.schemas(body) == {"Users": ["name", "login"]}
    assert wire.schemas("no") == {}
