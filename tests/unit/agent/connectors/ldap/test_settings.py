"""What the settings of the ldap connector accept, and what they say of what they don't."""

from pathlib import Path
from typing import Any

import pytest

import halo_agent.connectors.ldap
from halo_agent.connectors import find
from halo_agent.connectors.ldap.settings import LdapSettings
from halo_shared.entities import EntityKind
from halo_shared.errors import SettingsInvalid
from halo_shared.files import load
from halo_shared.integrations import IntegrationSpec

FOLDER = Path(halo_agent.connectors.ldap.__file__).parent
NEEDED = {
    "url": "ldaps://ldap.example.com",
    "bind_dn": "cn=halo-reader,dc=example,dc=com",
    "password": "secret://directory",
    "base": "dc=example,dc=com",
}


def parsed(**changes: Any) -> LdapSettings:
    settings = find("ldap").parse(NEEDED | changes)
    assert isinstance(settings, LdapSettings)
    return settings


@pytest.mark.parametrize(
    ("url", "host", "port", "upgrades"),
    [
        ("ldaps://ldap.example.com", "ldap.example.com", 636, False),
        ("ldaps://ldap.example.com:1636/", "ldap.example.com", 1636, False),
        ("ldap://10.0.0.5", "10.0.0.5", 389, True),
        ("ldap://[2001:db8::5]:1389", "2001:db8::5", 1389, True),
    ],
)
def test_the_url_says_where_and_how(url: str, host: str, port: int, upgrades: bool) -> None:
    settings = parsed(url=url)

    assert (settings.host, settings.port, settings.upgrades) == (host, port, upgrades)
    assert settings.encrypted


@pytest.mark.parametrize(
    "url",
    [
        "ldap.example.com",
        "https://x",
        "ldaps://",
        "ldaps://x:port",
        "ldaps://x:0",
        "ldaps://x:70000",
        "ldaps://my_host",
    ],
)
def test_another_address_is_refused_with_the_form_that_is_wanted(url: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"url: .* write ldaps://host or ldap://host"):
        parsed(url=url)


@pytest.mark.parametrize("url", ["ldaps://x/dc=example", "ldaps://me:pw@x", "ldaps://x/?uid"])
def test_an_address_that_says_more_is_refused(url: str) -> None:
    with pytest.raises(SettingsInvalid, match="only host and port belong here"):
        parsed(url=url)


def test_a_password_in_clear_must_be_asked_for() -> None:
    with pytest.raises(SettingsInvalid, match=r"would cross the network in clear.*allow_plain: true"):
        parsed(url="ldap://x", starttls=False)

    assert not parsed(url="ldap://x", starttls=False, allow_plain=True).encrypted


def test_a_password_itself_is_refused() -> None:
    with pytest.raises(SettingsInvalid, match="must be a reference"):
        parsed(password="hunter22")


@pytest.mark.parametrize(
    "text", ["(uid=*)", "(&(a=b)(|(c=d)(!(e=f))))", r"(cn=Ann \28Sales\29)", "(cn=Jo #5)"]
)
def test_a_whole_filter_is_accepted(text: str) -> None:
    assert parsed(filter=text).filter == text


@pytest.mark.parametrize("text", ["", "uid=*", "(uid=*", "(uid=*))", ")uid=*(", "(a=b)(c=d)", "(a=b) "])
def test_a_filter_that_is_not_whole_is_refused(text: str) -> None:
    with pytest.raises(SettingsInvalid, match="each closed again"):
        parsed(filter=text)


def test_attributes_are_names() -> None:
    with pytest.raises(SettingsInvalid, match=r"attributes\.1"):
        parsed(attributes=["mail", "*"])


def test_an_unknown_key_is_named_with_the_likely_one() -> None:
    with pytest.raises(SettingsInvalid, match="did you mean 'page_size'"):
        parsed(pagesize=5)


def test_the_form_explains_every_setting() -> None:
    schema = find("ldap").spec.settings_schema
    models = [schema, *schema["$defs"].values()]

    silent = [
        name for model in models for name, field in model["properties"].items() if "description" not in field
    ]

    assert silent == []


def test_the_readme_explains_every_setting() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")

    assert [name for name in LdapSettings.model_fields if f"| `{name}` |" not in readme] == []


def test_the_sample_is_an_integration_whose_mapping_reads_what_is_asked_for() -> None:
    sample = load(FOLDER / "sample.yaml", IntegrationSpec)
    settings = find(sample.connector).parse(sample.settings)
    assert isinstance(settings, LdapSettings)
    read = {"dn", settings.id_attribute, settings.name_attribute, *settings.attributes}

    mapping = sample.mapping[EntityKind.USERS]
    assert {rule.source for rule in mapping.fields.values() if rule.source} <= read
