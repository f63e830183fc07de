"""Which error a result code becomes: it decides what happens next."""

from typing import Any

import pytest

from halo_agent.connectors.ldap import refusals
from halo_agent.connectors.ldap.settings import LdapSettings
from halo_shared.errors import (
    CredentialRefused,
    HaloIntegratorError,
    IncompleteRead,
    PermissionMissing,
    SettingsInvalid,
    SourceUnavailable,
)

SETTINGS = LdapSettings.model_validate(
    {
        "url": "ldaps://ldap.example.com",
        "bind_dn": "cn=halo-reader,dc=example,dc=com",
        "password": "secret://directory",
        "base": "ou=people,dc=example,dc=com",
    }
)


@pytest.mark.parametrize(
    ("code", "error", "named"),
    [
        (-1, SourceUnavailable, "url"),
        (-5, SourceUnavailable, "url"),
        (34, SettingsInvalid, "bind_dn"),
        (8, SettingsInvalid, "url"),
        (13, SettingsInvalid, "url"),
        (48, CredentialRefused, "bind_dn"),
        (49, CredentialRefused, "bind_dn"),
        (53, CredentialRefused, "bind_dn"),
    ],
)
def test_a_sign_in_that_fails(code: int, error: type[HaloIntegratorError], named: str) -> None:
    assert_says(refusals.of_sign_in(code, "as the server put it", SETTINGS), error, named)


@pytest.mark.parametrize(
    ("code", "error", "named"),
    [
        (-1, SourceUnavailable, "url"),
        (-5, SourceUnavailable, "url"),
        (3, SourceUnavailable, "url"),
        (51, SourceUnavailable, "url"),
        (4, IncompleteRead, "bind_dn"),
        (11, IncompleteRead, "bind_dn"),
        (34, SettingsInvalid, "base"),
        (-7, SettingsInvalid, "filter"),
        (50, PermissionMissing, "bind_dn"),
    ],
)
def test_a_search_that_fails(code: int, error: type[HaloIntegratorError], named: str) -> None:
    assert_says(refusals.of_search(code, "as the server put it", SETTINGS), error, named)


def assert_says(refusal: HaloIntegratorError, error: type[HaloIntegratorError], named: str) -> None:
    value: Any = getattr(SETTINGS, named)
    assert type(refusal) is error
    assert value in refusal.message
    assert refusal.detail == "as the server put it"
