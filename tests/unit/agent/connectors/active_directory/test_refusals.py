"""What each of Active Directory's own codes is turned into."""

import pytest

from halo_agent.connectors.active_directory import refusals
from halo_agent.connectors.active_directory.settings import ActiveDirectorySettings
from halo_agent.directories.connection import Refused
from halo_shared.errors import (
    CredentialRefused,
    HaloIntegratorError,
    IncompleteRead,
    PermissionMissing,
    SettingsInvalid,
    SourceUnavailable,
)

SETTINGS = ActiveDirectorySettings(
    domain="example.com", account="reader@example.com", password="secret://directory"
)
TEXT = "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {code}, v1db1"


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        ("525", "knows no such account"),
        ("52e", "the password or the name is wrong: correct secret://directory"),
        ("530", "at this hour"),
        ("531", "from this machine"),
        ("532", "its password has expired"),
        ("533", "is disabled"),
        ("701", "the account has expired"),
        ("773", "must be changed"),
        ("775", "is locked"),
        ("99", "the password or the name is wrong"),
    ],
)
def test_a_refused_sign_in_says_what_to_do(code: str, cure: str) -> None:
    error = refusals.of_sign_in(Refused(49, TEXT.format(code=code)), "dc1", SETTINGS)

    assert isinstance(error, CredentialRefused)
    assert "'reader@example.com'" in error.message
    assert cure in error.message


@pytest.mark.parametrize(
    ("refused", "kind", "word"),
    [
        (Refused(8, "strongerAuthRequired"), SettingsInvalid, "requires signing"),
        (Refused(49, "80090346: LdapErr: data 80090346"), SettingsInvalid, "channel binding"),
        (Refused(51, "busy"), SourceUnavailable, "busy"),
    ],
)
def test_what_is_not_about_the_account_says_so(
    refused: Refused, kind: type[HaloIntegratorError], word: str
) -> None:
    error = refusals.of_sign_in(refused, "dc1", SETTINGS)

    assert isinstance(error, kind)
    assert word in error.message


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (50, PermissionMissing),
        (4, IncompleteRead),
        (11, IncompleteRead),
        (32, SettingsInvalid),
        (52, SourceUnavailable),
    ],
)
def test_a_search_that_did_not_end_well_never_looks_like_an_empty_one(
    code: int, kind: type[HaloIntegratorError]
) -> None:
    assert isinstance(refusals.of_search(Refused(code, ""), "the domain", "dc1", SETTINGS), kind)


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("Clock skew too great", "clocks"),
        ("Keytab contains no suitable keys for x", "keytab"),
        ("Cannot contact any KDC for realm 'EXAMPLE.COM'", "port 88"),
        ("Server not found in Kerberos database", "full host name"),
        ("Preauthentication failed", "make the keytab anew"),
        ("Client's credentials have been revoked", "disabled, locked or expired"),
        ("something else", "krb5.conf"),
    ],
)
def test_kerberos_says_why_in_words(said: str, word: str) -> None:
    assert word in refusals.no_ticket(Exception(said), "dc1", SETTINGS).message
