"""What to do about a refusal, in the words of Active Directory: result codes, and its own codes behind them."""

import re
from typing import Final

from halo_agent.connectors.active_directory.settings import ActiveDirectorySettings, Security
from halo_agent.directories.connection import Refused
from halo_shared.errors import (
    CredentialRefused,
    HaloIntegratorError,
    IncompleteRead,
    PermissionMissing,
    SettingsInvalid,
    SourceUnavailable,
)

SIZE_LIMIT: Final = 4
STRONGER_AUTH: Final = 8
ADMIN_LIMIT: Final = 11
CONFIDENTIALITY: Final = 13
INVALID_CREDENTIALS: Final = 49
INSUFFICIENT_ACCESS: Final = 50
BUSY: Final = 51
UNAVAILABLE: Final = 52
UNWILLING: Final = 53
NO_SUCH_OBJECT: Final = 32

DATA: Final = re.compile(r"data ([0-9a-f]{3,8})\b", re.IGNORECASE)
BAD_BINDINGS: Final = "80090346"
# The code behind `data` in the answer to a sign-in (a Windows error code in hexadecimal), and what to do about it.
SIGN_IN: Final = {
    "525": "the domain knows no such account: correct 'account'",
    "52e": "the password or the name is wrong: correct {password} on the agent's machine, or 'account'",
    "530": "the account may not sign in at this hour: allow it in the account's logon hours",
    "531": "the account may not sign in from this machine: allow the controllers in the account's 'Log On To' list",
    "532": "its password has expired: set a new one, and let it never expire for this account",
    "533": "the account is disabled: enable it in the domain",
    "701": "the account has expired: set a later date in the domain, or none",
    "773": "its password must be changed before the first sign-in: "
    "take away 'User must change password at next logon', and set the password",
    "775": "the account is locked after too many wrong passwords: unlock it, "
    "and find who else still uses an old password",
}


def of_sign_in(error: Refused, host: str, settings: ActiveDirectorySettings) -> HaloIntegratorError:
    """Why the account was not let in."""
    if error.code in (STRONGER_AUTH, CONFIDENTIALITY):
        cure = (
            "use 'security: ldaps', or 'sealed' with 'kerberos'"
            if settings.security is Security.PLAIN
            else "use 'security: sealed', which signs by itself"
        )
        return SettingsInvalid(
            f"{host} requires signing and lets nobody in without it: {cure}.", detail=error.text
        )
    if error.code in (BUSY, UNAVAILABLE):
        return SourceUnavailable(f"{host} is too busy to let anybody in.", detail=error.text)
    if BAD_BINDINGS in error.text:
        return SettingsInvalid(
            f"{host} says that somebody between it and the agent opens the encrypted connection (channel binding): "
            "let the agent reach it directly, without a TLS proxy.",
            detail=error.text,
        )
    code = DATA.search(error.text)
    cure = SIGN_IN.get(code[1].lower() if code else "", SIGN_IN["52e"])
    return CredentialRefused(
        f"{host} does not let '{settings.who}' in: {cure.format(password=settings.password)}.",
        detail=error.text,
    )


def of_search(error: Refused, what: str, host: str, settings: ActiveDirectorySettings) -> HaloIntegratorError:
    """Why a search did not come to its end; `what` was searched."""
    if error.code == INSUFFICIENT_ACCESS:
        return PermissionMissing(
            f"'{settings.who}' may not read {what}: give that account the right to.", detail=error.text
        )
    if error.code in (SIZE_LIMIT, ADMIN_LIMIT):
        return IncompleteRead(
            f"{host} stopped at a limit of its own before it had given all of {what}: lower 'page_size', or raise the "
            "limit in its LDAP policies (MaxPageSize, MaxResultSetSize).",
            detail=error.text,
        )
    if error.code == NO_SUCH_OBJECT:
        return SettingsInvalid(
            f"There is no {what} on {host}, or '{settings.who}' may not see it.", detail=error.text
        )
    return SourceUnavailable(
        f"{host} broke off while it was giving {what}; nothing is taken from half a read.",
        detail=f"{error.code} {error.text}",
    )


def lost(error: Exception, host: str) -> SourceUnavailable:
    """The connection ended in the middle."""
    if isinstance(error, TimeoutError):
        return SourceUnavailable(
            f"{host} gave no answer in time; nothing is taken from half a read. If it is slow rather than ill, "
            "raise 'timeout' or lower 'page_size'."
        )
    return SourceUnavailable(
        f"The connection to {host} broke; nothing is taken from half a read.", detail=str(error)
    )


def no_ticket(error: Exception, host: str, settings: ActiveDirectorySettings) -> HaloIntegratorError:
    """Kerberos gave no ticket; its libraries say why in a sentence each."""
    said = str(error)
    who = f"Kerberos lets '{settings.who}' not into {host}"
    lower = said.casefold()
    if "skew" in lower:
        return SettingsInvalid(
            f"{who}: the clocks of the agent's machine and of the domain differ by more than five minutes: set the "
            "agent's clock by the domain's time service.",
            detail=said,
        )
    if "keytab" in lower or "key table" in lower:
        return CredentialRefused(
            f"{who}: the keytab '{settings.kerberos and settings.kerberos.keytab}' is not there, is not readable for the "
            "agent, or holds no key of that account: make it anew (ktpass, or samba-tool domain exportkeytab).",
            detail=said,
        )
    if "cannot contact" in lower or "cannot find kdc" in lower or "unreachable" in lower:
        return SourceUnavailable(
            f"{who}: no key service of the domain answers on port 88: let every firewall on the way pass it, and see "
            "that the agent's machine finds the domain in DNS (or in krb5.conf).",
            detail=said,
        )
    if "not found in kerberos database" in lower:
        return CredentialRefused(
            f"{who}: the domain does not know that account, or not the controller by this name: use the controller's "
            "full host name, and correct 'principal'.",
            detail=said,
        )
    if "preauthentication" in lower or "integrity check" in lower:
        return CredentialRefused(
            f"{who}: the account's password was changed since the keytab was made: make the keytab anew.",
            detail=said,
        )
    if "revoked" in lower or "expired" in lower:
        return CredentialRefused(
            f"{who}: the account is disabled, locked or expired, or its password or ticket has expired.",
            detail=said,
        )
    return CredentialRefused(
        f"{who}: see 'kerberos' in the settings, and the machine's krb5.conf.", detail=said
    )
