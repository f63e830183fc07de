"""Which places a record may belong to, and why."""

import pytest

from halo_agent.engine.mapper import attributes_read, lowered
from halo_agent.engine.placer import placings
from halo_agent.engine.records import Place, Value
from halo_shared.mapping import Placement
from tests.support.engine import mapping

RULES = Placement.model_validate(
    {
        "table": {"from": "ou", "to": {"OU=Berlin,DC=x": {"client": "Acme", "site": "Berlin"}}},
        "rules": [
            {"attribute": "department", "contains": "it", "client": "Acme", "site": "HQ"},
            {"attribute": "groups", "equals": "vip", "client": "Acme", "site": "Lounge"},
            {"attribute": "dn", "ends": "ou=sub,dc=x", "client": "Sub"},
            {"attribute": "name", "matches": r"^srv\d+$", "client": "Acme", "site": "Rack"},
        ],
        "names": {"client": "company", "site": "office"},
        "client": "Others",
    }
)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"OU": "ou=berlin,dc=x", "department": "IT"}, [("table", Place("Acme", "Berlin"))]),
        ({"department": "IT support", "company": "Beta"}, [("rule", Place("Acme", "HQ"))]),
        ({"groups": ("staff", "VIP")}, [("rule", Place("Acme", "Lounge"))]),
        ({"dn": "CN=A,OU=Sub,DC=x"}, [("rule", Place("Sub", "Main"))]),
        ({"name": "SRV12"}, [("rule", Place("Acme", "Rack"))]),
        (
            {"company": "Beta", "office": "North"},
            [("name", Place("Beta", "North")), ("name", Place("Beta", "Main")), ("default", Place("Others", "Main"))],
        ),
        ({"office": "North"}, [("default", Place("Others", "Main"))]),
        ({}, [("default", Place("Others", "Main"))]),
    ],
    ids=["table", "rule", "one of several values", "end", "pattern", "name", "a site alone names nothing", "default"],
)  # fmt: skip
def test_the_most_certain_comes_first(
    attributes: dict[str, Value], expected: list[tuple[str, Place]]
) -> None:
    found = placings(None, RULES, lowered(attributes))

    assert [(one.by, one.place) for one in found] == expected
    assert all(one.reason for one in found)


def test_the_connector_s_own_word_comes_before_all() -> None:
    own = Place("Acme", "Depot")

    (only,) = placings(own, RULES, {"department": "IT"})

    assert (only.by, only.place) == ("connector", own)


def test_a_reason_names_the_rule() -> None:
    (only,) = placings(None, RULES, {"department": "IT"})

    assert only.reason == "place rule 1: department contains 'it'"


def test_what_places_is_read_from_the_source() -> None:
    rules = mapping(
        place=RULES.model_dump(by_alias=True),
        scope=[{"attribute": "state", "equals": "live"}],
        asset_type={"rules": [{"attribute": "os", "contains": "server", "type": "Server"}], "default": "PC"},
    )

    assert attributes_read(rules) == {
        "mail", "ou", "department", "groups", "dn", "name", "company", "office", "state", "os",
    }  # fmt: skip
