"""What to do about a result code that is not success (RFC 4511, 4.1.9; negative ones are the driver's own)."""

from collections.abc import Sequence
from typing import Final

from halo_agent.connectors.ldap.settings import LdapSettings
from halo_shared.errors import (
    CredentialRefused,
    HaloIntegratorError,
    IncompleteRead,
    PermissionMissing,
    SettingsInvalid,
    SourceUnavailable,
)

SIZE_LIMIT: Final = 4
STRONGER_AUTH_REQUIRED: Final = 8
ADMIN_LIMIT: Final = 11
CONFIDENTIALITY_REQUIRED: Final = 13
NO_SUCH_OBJECT: Final = 32
INVALID_DN: Final = 34
INSUFFICIENT_ACCESS: Final = 50
# Of libldap and of WinLDAP
NO_CONNECTION: Final = (-1, -11, -101, 0x51, 0x5B)
TIMED_OUT: Final = (-5, 0x55)
FILTER_ERROR: Final = (-7, 0x57)


def of_sign_in(code: int, detail: str, settings: LdapSettings) -> HaloIntegratorError:
    """Why the account was not let in."""
    if code in NO_CONNECTION + TIMED_OUT:
        return SourceUnavailable(
            f"The directory at {settings.url} broke off the sign-in or did not answer it. If that does not pass on "
            "Windows, put the authority of its certificate into the machine's certificate store.",
            detail=detail,
        )
    if code == INVALID_DN:
        return SettingsInvalid(
            f"bind_dn '{settings.bind_dn}' is not a DN: write it as in cn=halo-reader,dc=example,dc=org.",
            detail=detail,
        )
    if code in (STRONGER_AUTH_REQUIRED, CONFIDENTIALITY_REQUIRED):
        return SettingsInvalid(
            f"The directory at {settings.url} wants the connection encrypted: use ldaps:// in 'url', "
            "or leave 'starttls' out.",
            detail=detail,
        )
    return CredentialRefused(
        f"The directory does not let '{settings.bind_dn}' in: correct 'bind_dn', or the value of "
        f"{settings.password} on the agent's machine, and see that the account is not locked.",
        detail=detail,
    )


def of_search(code: int, detail: str, settings: LdapSettings) -> HaloIntegratorError:
    """Why the search did not come to its end."""
    if code == INVALID_DN:
        return SettingsInvalid(
            f"base '{settings.base}' is not a DN: write it as in ou=people,dc=example,dc=org.", detail=detail
        )
    if code in FILTER_ERROR:
        return SettingsInvalid(
            f"The filter '{settings.filter}' cannot be understood: correct 'filter', "
            "which looks like (&(objectClass=inetOrgPerson)(mail=*)).",
            detail=detail,
        )
    if code == INSUFFICIENT_ACCESS:
        return PermissionMissing(
            f"'{settings.bind_dn}' may not search '{settings.base}': give that account the right to.",
            detail=detail,
        )
    if code in (SIZE_LIMIT, ADMIN_LIMIT):
        return IncompleteRead(
            f"The directory stopped at a limit that it has for '{settings.bind_dn}' before it had given everything: "
            "raise that limit for paged searches (OpenLDAP: size.prtotal=unlimited), "
            "or make fewer entries match with 'base' and 'filter'.",
            detail=detail,
        )
    return SourceUnavailable(
        f"The directory at {settings.url} broke off before it had given everything; "
        "nothing is taken from half a read.",
        detail=detail,
    )


def too_slow(settings: LdapSettings) -> SourceUnavailable:
    """An answer did not come in time."""
    return SourceUnavailable(
        f"The directory at {settings.url} gave no answer within {settings.seconds:g} seconds; nothing is taken from "
        "half a read. If it is slow rather than ill, raise 'timeout' or lower 'page_size'."
    )


def no_base(settings: LdapSettings, held: Sequence[str]) -> SettingsInvalid:
    """The branch to read is not there; `held` are those that the directory says it has."""
    known = ", ".join(f"'{context}'" for context in held) or "it does not say where"
    return SettingsInvalid(
        f"The directory has no '{settings.base}', or '{settings.bind_dn}' may not see it: correct 'base', or give "
        f"that account the right to read it. What the directory holds begins at: {known}."
    )


def referred(settings: LdapSettings, where: str) -> IncompleteRead:
    """A branch is elsewhere; following it would take the password to a server that nobody named."""
    return IncompleteRead(
        f"A branch below '{settings.base}' is kept on another server ({where}), so not everything can be read here: "
        "set 'base' to a branch without it, or 'url' to a server that holds both."
    )
