"""What Microsoft's refusals mean: a status and a code become one of our errors, with what to do."""

import re
from dataclasses import dataclass
from typing import Final

import httpx

from halo_agent.answers import object_of, retry_after
from halo_agent.connectors.entra_id.settings import Directory
from halo_shared.clock import Clock
from halo_shared.errors import (
    CredentialRefused,
    HaloIntegratorError,
    PermissionMissing,
    RateLimited,
    SettingsInvalid,
    SourceUnavailable,
)
from halo_shared.redaction import scrub

WHERE: Final = "Entra admin center > App registrations"
STATE_LOST: Final = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired"})
"""Codes that say that a delta link is too old, or unknown."""


class StateLost(SourceUnavailable):
    """Microsoft no longer knows what was read last time; everything has to be read."""


@dataclass(frozen=True, slots=True)
class SignInRule:
    """What an AADSTS code means; `{client}` and `{tenant}` are filled in."""

    error: type[HaloIntegratorError]
    sentence: str


# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
SIGN_IN: Final = {
    7000215: SignInRule(
        CredentialRefused,
        "the client secret of application {client} is wrong: store the secret's value, not its ID",
    ),
    7000222: SignInRule(
        CredentialRefused,
        f"the client secret of application {{client}} has expired: make a new one under {WHERE} > "
        "Certificates & secrets, and store it on the agent's machine",
    ),
    700016: SignInRule(
        SettingsInvalid,
        "application {client} is not in tenant {tenant}: correct 'client_id' or 'tenant', "
        "or let an administrator of that tenant consent to it",
    ),
    700027: SignInRule(
        CredentialRefused,
        f"application {{client}} does not know this certificate: upload it under {WHERE} > Certificates & secrets",
    ),
    90002: SignInRule(
        SettingsInvalid, "there is no tenant {tenant} in this cloud: correct 'tenant' or 'cloud'"
    ),
    7000112: SignInRule(CredentialRefused, "application {client} is disabled in tenant {tenant}"),
    53003: SignInRule(
        PermissionMissing,
        "a Conditional Access policy of tenant {tenant} does not let application {client} in",
    ),
}

_CODE: Final = re.compile(r"AADSTS(\d+)")


def of_sign_in(response: httpx.Response, directory: Directory, clock: Clock) -> HaloIntegratorError:
    """The error that a refused request for a token stands for."""
    if response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return of_graph(response, "give a token", "", clock)
    said = str(object_of(response).get("error_description", "")).splitlines()
    code = _CODE.search(said[0]) if said else None
    rule = SIGN_IN.get(int(code[1])) if code else None
    if rule is None:
        first = said[0] if said else f"status {response.status_code}"
        return CredentialRefused(
            f"Microsoft does not let application {directory.client_id} of tenant {directory.tenant} sign in: {first}",
            detail=detail(response),
        )
    sentence = rule.sentence.format(client=directory.client_id, tenant=directory.tenant)
    return rule.error(f"Microsoft refused the sign-in: {sentence}.", detail=detail(response))


def of_graph(response: httpx.Response, doing: str, permission: str, clock: Clock) -> HaloIntegratorError:
    """The error that an unsuccessful answer of Graph stands for. `doing` completes "refused to ..."."""
    status, (code, said) = response.status_code, _told(response)
    text = f": {said}" if said else ""
    known = detail(response)
    if status == httpx.codes.GONE or code.casefold() in STATE_LOST:
        return StateLost(f"Microsoft no longer knows what was read last time{text}", detail=known)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        wait = retry_after(response, clock)
        return RateLimited(f"Microsoft asks for fewer requests{text}.", detail=known, retry_after=wait)
    if status == httpx.codes.UNAUTHORIZED:
        return CredentialRefused(
            f"Microsoft took a fresh token for no good and refused to {doing}{text}", detail=known
        )
    if status == httpx.codes.FORBIDDEN:
        return PermissionMissing(
            f"The application may not {doing}: grant it the application permission {permission} under {WHERE} > "
            f"API permissions, with an administrator's consent. Microsoft says{text or ' nothing more'}",
            detail=known,
        )
    if response.is_server_error:
        return SourceUnavailable(f"Microsoft could not {doing} (status {status}){text}", detail=known)
    return SettingsInvalid(f"Microsoft refused to {doing}{text}", detail=known)


def not_understood(response: httpx.Response) -> HaloIntegratorError:
    """The error for an answer that is not what its kind always is, as from a proxy's page."""
    return SourceUnavailable(
        f"{response.request.url.host} answered with something else than Microsoft does: does a proxy stand between?",
        detail=detail(response),
    )


def detail(response: httpx.Response) -> str:
    """What we want to know of an answer: never the tokens in its address, and a glimpse of its body."""
    request = response.request
    asked = response.headers.get("request-id", "none")
    return scrub(
        f"{request.method} {request.url.path} -> {response.status_code}, request-id {asked}: {response.text[:200]}"
    )


def _told(response: httpx.Response) -> tuple[str, str]:
    error = object_of(response).get("error")
    if not isinstance(error, dict):
        return "", ""
    return str(error.get("code", "")), str(error.get("message", ""))
