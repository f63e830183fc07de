"""Ours become Halo's shapes, and what Halo answers is known for what was sent."""

from dataclasses import replace

import pytest

from halo_agent.engine.changes import Applied, Create
from halo_agent.engine.records import Desired, Fields, TargetRecord
from halo_agent.targets.halo.drafts import Draft, changed, new, retired
from halo_agent.targets.halo.replies import sort_replies
from halo_agent.targets.halo.wire import AssetType, Row
from halo_shared.entities import EntityKind
from halo_shared.errors import MappingInvalid, RecordRefused
from tests.unit.agent.targets.support import machine, person, retire, update

HERE = {"client_id": 101, "site_id": 1001}
WORKSTATION = AssetType(131, "Workstation", {"Serial Number": 51, "Model": 52})
HINTS = {"_isimport": True, "_dont_fire_automations": True}
ANNA = TargetRecord(EntityKind.USERS, 5001, "Anna Berg", True, {"name": "Anna Berg"})


def creation(wish: Desired, type_: AssetType | None = None) -> Draft:
    return new(Create(wish, reason="not in Halo yet"), HERE, type_, HINTS, "people")


def drafted(wish: Desired, type_: AssetType | None = None) -> Row:
    return creation(wish, type_).body


def test_a_new_user_is_placed_and_holds_its_identity() -> None:
    wish = replace(
        person("a-1", login="anna", title=""), on_create={"notes": "imported"}, when_empty={"fax": "1"}
    )

    assert drafted(wish) == HINTS | {
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

    assert drafted(wish, WORKSTATION) == HINTS | {
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

    assert changed(change, None, HINTS).body == HINTS | {"id": 5001, "name": "Anna Berger"}


def test_a_cleared_field_is_sent_as_an_empty_text_because_null_is_ignored() -> None:
    change = replace(update(person("a-1"), ANNA), fields={"title": None})

    assert changed(change, None, HINTS).body == HINTS | {"id": 5001, "title": ""}


def test_a_revived_record_is_made_active() -> None:
    assert changed(update(person("a-1"), ANNA, reactivate=True), None, HINTS).body == HINTS | {
        "id": 5001,
        "inactive": False,
    }


def test_a_retired_record_is_made_inactive_and_nothing_else() -> None:
    assert retired(retire(person("a-1"), 5001), HINTS).body == HINTS | {"id": 5001, "inactive": True}


def test_an_unknown_own_field_is_named_with_those_there_are() -> None:
    wish = machine("7", "PC-7", always={"fields.Serial No": "S7"})

    with pytest.raises(
        MappingInvalid, match=r"'Workstation' has no field 'Serial No' .* Model \(52\), Serial Number \(51\)"
    ):
        drafted(wish, WORKSTATION)


def test_a_user_has_no_own_fields() -> None:
    change = replace(update(person("a-1"), ANNA), fields={"fields.Model": "X1"})

    with pytest.raises(MappingInvalid, match="is no asset"):
        changed(change, None, HINTS)


def test_own_fields_are_known_by_their_number_too() -> None:
    wish = machine("7", "PC-7", always={"fields.52": "X1"})

    assert drafted(wish, WORKSTATION)["fields"] == [{"id": 52, "value": "X1"}]


def test_what_hangs_on_an_asset_is_sent_in_halos_shapes() -> None:
    attached: Fields = {
        "users": ("12", "7"),
        "software": ("Office\t16", "7-Zip\t"),
        "CFLease": "2027",
        "parent_id": 20002,
        "site_id": 1009,
    }

    body = drafted(machine("7", "PC-7", always=attached), WORKSTATION)

    assert body["users"] == [{"id": 12}, {"id": 7}]
    assert body["software"] == [{"name": "Office", "version": "16"}, {"name": "7-Zip", "version": ""}]
    assert body["customfields"] == [{"name": "CFLease", "value": "2027"}]
    assert (body["parent_id"], body["site_id"]) == (20002, 1009)  # the wish's own place wins


def test_the_last_user_of_an_asset_can_be_taken_away() -> None:
    change = replace(update(machine("7", "PC-7"), ANNA), fields={"users": (), "software": ()})

    body = changed(change, None, {}).body

    assert (body["users"], body["software"]) == ([], [])


def test_a_record_known_by_an_external_link_is_made_with_it() -> None:
    wish = replace(person("u-1", name="Globex"), kind=EntityKind.CLIENTS, identity=("external_link", "C-1"))

    body = drafted(wish)

    assert body["new_external_link"] == {
        "table_id": 2,
        "module_id": 0,
        "third_party_id": "C-1",
        "third_party_type": "people",
        "third_party_desc": "Globex",
    }
    assert "external_link" not in body


def test_a_technician_is_disabled_and_an_asset_may_get_a_status() -> None:
    gone = replace(retire(person("a-1"), 41), kind=EntityKind.TECHNICIANS)
    scrapped = replace(retire(machine("7", "PC-7"), 20001), fields={"status_id": 9})

    assert retired(gone, {}).body == {"id": 41, "isdisabled": True}
    assert retired(scrapped, {}).body == {"id": 20001, "status_id": 9}


class TestSortingReplies:
    DRAFTS = (creation(person("a-1")), creation(person("a-2")), creation(person("a-3")))
    ROWS = tuple({"id": number, "azureoid": f"A-{number}"} for number in (1, 2, 3))

    def test_each_row_goes_to_the_record_that_it_is_about_whatever_the_order(self) -> None:
        answer = sort_replies(self.DRAFTS, list(reversed(self.ROWS)), "people")

        assert [(draft, one) for draft, one in answer.answered] == [
            (draft, Applied(number)) for number, draft in enumerate(self.DRAFTS, 1)
        ]
        assert not answer.left

    @pytest.mark.parametrize("body", [ROWS[0], [ROWS[0]], {"users": [ROWS[0]]}])
    def test_one_object_back_answers_for_one(self, body: object) -> None:
        answer = sort_replies(self.DRAFTS, body, "people")

        assert answer.answered == [(self.DRAFTS[0], Applied(1))]
        assert answer.left == list(self.DRAFTS[1:])
        assert answer.why == "1 rows for 3 records"

    def test_a_refusal_in_its_place_is_that_records(self) -> None:
        answer = sort_replies(self.DRAFTS, [self.ROWS[0], {"error": {"Message": "bad"}}, self.ROWS[2]], "")

        ((draft, refused),) = [one for one in answer.answered if not isinstance(one[1], Applied)]
        assert draft is self.DRAFTS[1]
        assert isinstance(refused, RecordRefused)
        assert "bad" in refused.message
        assert not answer.left

    @pytest.mark.parametrize(
        "body",
        [None, [], "stored", {}, [{"error": "bad"}], [{"id": 7}, {"id": 8}, {"id": 9}], [*ROWS, *ROWS]],
    )
    def test_what_proves_nothing_answers_for_none(self, body: object) -> None:
        answer = sort_replies(self.DRAFTS, body, "people")

        assert (answer.answered, answer.left) == ([], list(self.DRAFTS))

    def test_changed_records_are_known_by_their_ids(self) -> None:
        drafts = [changed(update(person("a-1"), replace(ANNA, id=id_)), None, {}) for id_ in (7, 8)]

        answer = sort_replies(drafts, [{"id": 8}, {"id": 9}], "")

        assert answer.answered == [(drafts[1], Applied(8))]
        assert answer.left == [drafts[0]]
