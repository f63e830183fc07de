"""What records of NinjaOne become, and what becomes of those that are spoilt."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halo_agent.connectors.ninjaone import records
from halo_agent.connectors.ninjaone.records import Surroundings
from halo_agent.connectors.ninjaone.settings import LastUser
from halo_agent.engine.records import Software, SourceRecord, UnreadableRecord

AROUND = Surroundings("https://eu.ninjarmm.com")


def asset(row: object, around: Surroundings = AROUND, since: datetime | None = None) -> SourceRecord:
    found = records.asset(row, around, LastUser(), since)
    assert isinstance(found, SourceRecord)
    return found


@pytest.mark.parametrize(
    ("system", "serial", "label"),
    [
        ({"serialNumber": " 5CG1 "}, "5CG1", "5CG1"),
        (
            {"serialNumber": "To be filled by O.E.M.", "biosSerialNumber": "VMware-56"},
            "VMware-56",
            "VMware-56",
        ),
        ({"serialNumber": "0000000", "biosSerialNumber": None}, None, "LT-1"),
        ({"serialNumber": 4711}, "4711", "4711"),
        (None, None, "LT-1"),
        ("Dell", None, "LT-1"),
    ],
)
def test_a_serial_number_is_one_or_none(system: object, serial: str | None, label: str) -> None:
    found = asset({"id": 7, "systemName": "LT-1", "system": system})

    assert (found.attributes["serialNumber"], found.attributes["serialOrName"]) == (serial, label)


@pytest.mark.parametrize("row", [None, [], "x", {}, {"id": None}, {"id": "7"}, {"id": True}, {"id": 0}])
def test_what_has_no_id_is_listed(row: object) -> None:
    found = [records.client(row), records.site(row), records.asset(row, AROUND, LastUser(), None)]

    assert all(isinstance(one, UnreadableRecord) and one.place and one.reason for one in found)


def test_a_location_needs_its_organization_and_both_need_names() -> None:
    assert isinstance(records.site({"id": 1, "name": "Main"}), UnreadableRecord)
    assert isinstance(records.site({"id": 1, "organizationId": 2, "name": ""}), UnreadableRecord)
    assert isinstance(records.client({"id": 1}), UnreadableRecord)


def test_a_spoilt_device_is_still_the_device() -> None:
    found = asset(
        {
            "id": 7,
            "organizationId": "x",
            "locationId": None,
            "os": [1, {}],
            "lastContact": "never",
            "tags": [],
        }
    )

    assert (found.id, found.name, found.references) == ("7", "7", ())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        *(
            "id",
            "organizationId",
            "locationId",
            "nodeRoleId",
            "displayName",
            "systemName",
            "name",
            "system",
            "os",
        ),
        *("lastContact", "tags", "serialNumber", "deviceId", "userName", "logonTime", "version", "nodeClass"),
    ]
)


@given(st.lists(st.dictionaries(NAMES, JSON, max_size=6) | JSON, max_size=4))
def test_whatever_the_api_answers_is_a_record_or_says_why_not(rows: list[object]) -> None:
    known: dict[int, tuple[float, str]] = {}
    since = datetime(2026, 1, 1, tzinfo=UTC)
    records.last_users(rows, known)
    around = Surroundings(
        "https://eu.ninjarmm.com", users={device: user for device, (_, user) in known.items()}
    )

    for row in rows:
        records.program(row)
        for found in (records.client(row), records.site(row), records.asset(row, around, LastUser(), since)):
            named = (
                found.name and found.id if isinstance(found, SourceRecord) else found.place and found.reason
            )
            assert named.strip()


def test_tags_and_addresses_are_several_values() -> None:
    found = asset({"id": 7, "tags": ["VIP", "Finance"], "os": {"name": "Ubuntu", "extra": {"kernel": "6.8"}}})

    assert found.attributes["tags"] == ("VIP", "Finance")
    assert found.attributes["os.extra.kernel"] == "6.8"


def test_contact_decides_only_where_that_is_wanted() -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    old, fresh = since.timestamp() - 1, since.timestamp() + 1

    assert [asset({"id": 7, "lastContact": at}, since=since).active for at in (old, fresh, None)] == [
        *(False, True, True)
    ]
    assert asset({"id": 7, "lastContact": old}).active


def test_the_latest_logon_counts_and_spoilt_rows_do_not() -> None:
    known: dict[int, tuple[float, str]] = {}
    rows = [
        {"deviceId": 7, "userName": "ACME\\bo", "logonTime": 5.0},
        {"deviceId": 7, "userName": "ACME\\anna", "logonTime": 9},
        {"deviceId": 7, "userName": "ACME\\tom", "logonTime": "x"},
        *({"deviceId": 8, "userName": ""}, {"deviceId": None, "userName": "x"}, None, {}),
    ]

    records.last_users(rows, known)

    assert known == {7: (9.0, "ACME\\anna")}


def test_a_program_needs_a_device_and_a_name() -> None:
    assert records.program({"deviceId": 7, "name": " Office ", "version": None}) == (7, Software("Office"))
    assert [records.program(row) for row in (None, {"deviceId": 7}, {"name": "Office"})] == [None] * 3
