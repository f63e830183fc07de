"""What the controller says of settings, by the form that a connector announces, and what the agent says of them."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halo_agent import connectors
from halo_agent.connectors import Connector, find
from halo_controller.forms import misfits
from halo_shared import files
from halo_shared.errors import SettingsInvalid
from halo_shared.integrations import IntegrationSpec

Json = Any  # Any: whatever a file holds
FOLDER = Path(connectors.__file__).parent
SAMPLES = {
    name: files.load(FOLDER / name.replace("-", "_") / "sample.yaml", IntegrationSpec).settings
    for name in connectors.CONNECTORS
}


def said(name: str, settings: dict[str, Json]) -> list[str]:
    return list(misfits(find(name).spec.settings_schema, settings))


def taken(connector: Connector, settings: dict[str, Json]) -> bool:
    """Whether the agent takes these."""
    try:
        connector.parse(settings)
    except SettingsInvalid:
        return False
    return True


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_fit(name: str) -> None:
    assert said(name, SAMPLES[name]) == []


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        (
            "ldap",
            {"page_size": 20_000},
            (
                "settings.page_size: must be at most 10000. Entries that the directory hands out at a time; "
                "lower it when the directory allows less."
            ),
        ),
        ("ldap", {"pagesize": 1}, "settings.pagesize: unknown key; did you mean 'page_size'?"),
        (
            "ldap",
            {"password": "hunter2"},
            (
                "settings.password: must match ^secret://[a-z0-9][a-z0-9._-]*$. Password of that account, "
                "as a reference: secret://name."
            ),
        ),
        (
            "ldap",
            {"disabled": {"attribute": "employeeType", "values": []}},
            (
                "settings.disabled.values: must hold at least 1. The values that mean that the account is out of use, "
                "in any case of letters."
            ),
        ),
        (
            "active-directory",
            {"port": "https"},
            "settings.port: must be a whole number. Another port than 636 (ldaps) or 389 (all others).",
        ),
        (
            "active-directory",
            {"kerberos": {"princpal": "x"}},
            "settings.kerberos.princpal: unknown key; did you mean 'principal'?",
        ),
        (
            "active-directory",
            {"scope": [{"name": "All"}, {"place": {"client": "", "site": "Amsterdam"}}]},
            "settings.scope.1.place.client: must be at least 1 long. The client's name in Halo.",
        ),
        (
            "entra-id",
            {"cloud": "mars"},
            (
                "settings.cloud: must be one of global, us_government, us_defense, china. global, us_government "
                "(GCC High), us_defense (DoD) or china; or the addresses 'login' and 'graph' of another one."
            ),
        ),
        (
            "entra-id",
            {"cloud": {"login": "https://login.example"}},
            "settings.cloud.graph: is missing. Address of Microsoft Graph, as in https://graph.microsoft.com.",
        ),
        (
            "entra-id",
            {"cloud": 5},
            (
                "settings.cloud: must be one of global, us_government, us_defense, china or hold keys and values. "
                "global, us_government (GCC High), us_defense (DoD) or china; or the addresses 'login' and 'graph' of "
                "another one."
            ),
        ),
        (
            "ninjaone",
            {"software": "sometimes"},
            (
                "settings.software: must be true or false. Whether the programs of each device are read and written to "
                "its asset."
            ),
        ),
        (
            "spreadsheet",
            {"entity": None},
            "settings.entity: must be one of users, assets. What a row is: users or assets.",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_what_is_allowed(
    name: str, changes: dict[str, Json], sentence: str
) -> None:
    settings = SAMPLES[name] | changes

    assert said(name, settings) == [sentence]
    assert not taken(find(name), settings)


def test_every_setting_that_is_missing_is_named() -> None:
    assert [sentence.partition(". ")[0] for sentence in said("spreadsheet", {})] == [
        "settings.path: is missing",
        "settings.entity: is missing",
        "settings.id_column: is missing",
    ]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("ldap", {"page_size": "500", "starttls": "yes", "timeout": 30}),
        ("ldap", {"page_size": 500.0, "ca_file": None, "timeout": "2m"}),
        ("active-directory", {"port": None, "allow_plain": 0, "full_every": 3600.5}),
        ("ninjaone", {"client_secret": "secret://acme.ninjaone"}),
    ],
)
def test_what_the_agent_reads_leniently_fits(name: str, changes: dict[str, Json]) -> None:
    settings = SAMPLES[name] | changes

    assert taken(find(name), settings)
    assert said(name, settings) == []


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-2, max_value=70_000),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", "7", "7.5", "on", "30s", "P1D", "secret://x", "secret://X\n", "intune", "plain", "x"]
    ),
    st.sampled_from([[], ["x"], [1], {}, {"name": "x"}, {"client": "x", "site": "y"}]),
)


def places(value: Json, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Where anything is in there."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in below for place in places(one, (*path, key)))]


@given(st.data(), st.sampled_from(sorted(SAMPLES)), VALUES)
def test_what_the_agent_takes_is_never_refused(data: st.DataObject, name: str, value: Json) -> None:
    connector = find(name)
    settings: Json = deepcopy(SAMPLES[name])
    known = list(connector.spec.settings_schema["properties"])
    *way, last = data.draw(st.sampled_from(places(settings)[1:]) | st.sampled_from([(key,) for key in known]))
    here = settings
    for key in way:
        here = here[key]
    here[last] = value

    if taken(connector, settings):
        assert said(name, settings) == []
