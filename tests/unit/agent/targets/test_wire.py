"""Halo's shapes become ours, and ours become Halo's."""

from dataclasses import replace

import pytest

from halo_agent.engine.records import PlaceIds, TargetRecord, Value
from halo_agent.targets.halo import wire
from halo_agent.targets.halo.wire import AssetType
from halo_shared.entities import EntityKind
from halo_shared.errors import ConfigurationError, MappingInvalid, TargetUnavailable
from tests.unit.agent.targets.support import machine, person, retire, update

HERE = PlaceIds(client_id=101, site_id=1001)
WORKSTATION = AssetType(131, "Workstation", {"Serial Number": 51, "Model": 52})
HINTS = {"_isimport": True, "_dont_fire_automations": True}
ANNA = TargetRecord(EntityKind.USERS, 5001, "Anna Berg", True, {"name": "Anna Berg"})


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
        "users": [{"id": 1}],
        "fields": [
            {"id": 51, "name": "Serial Number", "value": "S7"},
            {"id": 52, "name": "Model", "value": ""},
        ],
    }

    assert wire.record(EntityKind.ASSETS, row) == TargetRecord(
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
            "fields.Model": None,
        },
    )


def test_an_asset_without_a_tag_is_called_by_its_key() -> None:
    assert wire.record(EntityKind.ASSETS, {"id": 1, "key_field": "S7"}).name == "S7"


@pytest.mark.parametrize("body", [None, [], {}, {"name": "x"}, {"id": "seven"}])
def test_what_is_no_record_is_not_taken_for_one(body: object) -> None:
    with pytest.raises(TargetUnavailable, match="not a record"):
        wire.single(body, wire.ASSET_TYPE)


def test_a_new_user_is_placed_and_holds_its_identity() -> None:
    wish = replace(
        person("a-1", login="anna", title=""), on_create={"notes": "imported"}, when_empty={"fax": "1"}
    )

    assert wire.new(wish, HERE, None) == HINTS | {
        "client_id": 101,
        "site_id": 1001,
        "inactive": False,
        "name": "Anna Berg",
        "login": "anna",
        "notes": "imported",
        "fax": "1",
        "azureoid": "a-1",
    }


def test_a_new_asset_has_its_type_and_the_ids_of_its_own_fields() -> None:
    wish = machine("7", "PC-7", always={"fields.Model": "X1"}, when_empty={"fields.Serial Number": "S7"})

    assert wire.new(wish, HERE, WORKSTATION) == HINTS | {
        "client_id": 101,
        "site_id": 1001,
        "inactive": False,
        "assettype_id": 131,
        "inventory_number": "PC-7",
        "lansweeper_id": "7",
        "fields": [{"id": 51, "value": "S7"}, {"id": 52, "value": "X1"}],
    }


def test_an_update_sends_what_differs_and_nothing_else() -> None:
    change = update(person("a-1"), ANNA, name="Anna Berger")

    assert wire.changed(change, None) == HINTS | {"id": 5001, "name": "Anna Berger"}


def test_a_cleared_field_is_sent_as_an_empty_text_because_null_is_ignored() -> None:
    change = replace(update(person("a-1"), ANNA), fields={"title": None})

    assert wire.changed(change, None) == HINTS | {"id": 5001, "title": ""}


def test_a_revived_record_is_made_active() -> None:
    assert wire.changed(update(person("a-1"), ANNA, reactivate=True), None) == HINTS | {
        "id": 5001,
        "inactive": False,
    }


def test_a_retired_record_is_made_inactive_and_nothing_else() -> None:
    assert wire.retired(retire(person("a-1"), 5001)) == HINTS | {"id": 5001, "inactive": True}


def test_an_unknown_own_field_is_named_with_those_there_are() -> None:
    wish = machine("7", "PC-7", always={"fields.Serial No": "S7"})

    with pytest.raises(
        MappingInvalid, match=r"'Workstation' has no field 'Serial No' .* Model, Serial Number"
    ):
        wire.new(wish, HERE, WORKSTATION)


def test_a_user_has_no_own_fields() -> None:
    change = replace(update(person("a-1"), ANNA), fields={"fields.Model": "X1"})

    with pytest.raises(MappingInvalid, match="is no asset"):
        wire.changed(change, None)


def test_the_fields_of_a_type_are_found_in_either_shape() -> None:
    row = {
        "fields": [{"id": 1.0, "field_id": 51.0, "field_name": "Serial Number"}, {"field_name": "Lost"}],
        "field_list": [{"id": 52, "name": "Model"}],
    }

    assert wire.type_fields(row) == {"Serial Number": 51, "Model": 52}


@pytest.mark.parametrize("kind", [EntityKind.CLIENTS, EntityKind.SITES])
def test_a_kind_that_cannot_be_written_says_which_can(kind: EntityKind) -> None:
    with pytest.raises(ConfigurationError, match="users and assets can"):
        wire.resource_of(kind)


def test_an_address_that_is_no_halo_is_not_taken_for_one() -> None:
    with pytest.raises(TargetUnavailable, match="check 'url'"):
        wire.version({"ok": True})
