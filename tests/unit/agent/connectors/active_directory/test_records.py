"""Objects of the directory as records."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from halo_agent.connectors.active_directory import records, values
from halo_agent.connectors.active_directory.groups import Tree
from halo_agent.connectors.active_directory.records import Shape
from halo_agent.connectors.active_directory.rules import Destination, Role, Rule
from halo_agent.directories.messages import Entry
from halo_agent.engine.records import Place, SourceRecord, UnreadableRecord
from halo_shared.entities import EntityKind

NOW = datetime(2026, 11, 26, tzinfo=UTC)
GUID = bytes.fromhex("0230b7f1a3ec694d849d7b0c258606a0")
TEAM, ALL = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
DN = "<GUID=f1b73002-eca3-4d69-849d-7b0c258606a0>;CN=Ann,OU=Sales,OU=Company,DC=example,DC=test"


def person(**attributes: list[bytes]) -> Entry:
    given = {"objectguid": [GUID], "cn": [b"Ann"], "useraccountcontrol": [b"512"]}
    return Entry(DN, given | {name.lower(): values for name, values in attributes.items()})


def read(
    entry: Entry, *wanted: str, rule: Rule | None = None, tree: Tree | None = None, **more: Any
) -> SourceRecord:
    shape = Shape.of(EntityKind.USERS, wanted, more.get("roles", ()), NOW)
    found = records.record(entry, rule or Rule(), shape, tree)
    assert isinstance(found, SourceRecord)
    return found


def test_an_object_without_an_identity_is_named_by_its_dn() -> None:
    shape = Shape.of(EntityKind.USERS, (), (), NOW)
    found = records.record(person(objectGUID=[]), Rule(), shape, None)

    assert isinstance(found, UnreadableRecord)
    assert found.place == "CN=Ann,OU=Sales,OU=Company,DC=example,DC=test"


def test_a_photo_comes_when_it_is_mapped() -> None:
    entry = person(thumbnailPhoto=[b"\xff\xd8\0"])

    assert (
        read(entry, "thumbnailPhoto").attributes["thumbnailPhoto"] == base64.b64encode(b"\xff\xd8\0").decode()
    )
    assert "thumbnailPhoto" not in Shape.of(EntityKind.USERS, ("mail",), (), NOW).asked


def test_only_what_is_wanted_is_asked_for() -> None:
    asked = Shape.of(EntityKind.USERS, ("mail", "locked", "ouPath"), (), NOW).asked

    assert "msDS-User-Account-Control-Computed" in asked
    assert {"memberOf", "ouPath", "locked", "title"}.isdisjoint(asked)


def test_the_last_day_of_an_account_counts() -> None:
    def ends(moment: datetime) -> SourceRecord:
        return read(
            person(accountExpires=[str(values.as_file_time(moment)).encode()]), "accountExpiresOn", "expired"
        )

    past, future = ends(NOW - timedelta(seconds=1)), ends(NOW + timedelta(days=1))

    assert (past.active, past.attributes["expired"]) == (False, True)
    assert (future.active, future.attributes["accountExpiresOn"]) == (True, "2026-11-27")


def test_a_lock_passes_by_itself() -> None:
    record = read(person(**{"msDS-User-Account-Control-Computed": [b"8388624"]}), "locked", "passwordExpired")

    assert record.active
    assert record.attributes == {"locked": True, "passwordExpired": True}


def test_groups_count_through_groups_and_as_primary_one() -> None:
    tree = Tree({TEAM: "team", ALL: "all"}, {TEAM: frozenset({ALL}), ALL: frozenset({TEAM})}, {"513": TEAM})
    roles = (Role(group=ALL, role="VIP"),)

    record = read(person(primaryGroupID=[b"513"]), "groups", "role", tree=tree, roles=roles)

    assert record.attributes == {"groups": ("all", "team"), "role": "VIP"}


def test_a_rule_places() -> None:
    rule = Rule(place=Destination(client="Acme", site="Hall"))

    assert read(person(), rule=rule).place == Place("Acme", "Hall")
    assert read(person()).place is None


def test_names_fall_back_on_what_there_is() -> None:
    assert read(person(displayName=["Ann Öberg".encode()])).name == "Ann Öberg"
    assert read(person(cn=[], sAMAccountName=[b"ann"])).name == "ann"
    assert read(person(cn=[])).name.startswith("CN=Ann")


def test_several_values_keep_their_order_and_dns_are_readable() -> None:
    record = read(
        person(proxyAddresses=[b"SMTP:a@b", b"smtp:c@d"], secretary=[DN.encode()]),
        "proxyAddresses",
        "secretary",
    )

    assert record.attributes["proxyAddresses"] == ("SMTP:a@b", "smtp:c@d")
    assert record.attributes["secretary"] == "CN=Ann,OU=Sales,OU=Company,DC=example,DC=test"
