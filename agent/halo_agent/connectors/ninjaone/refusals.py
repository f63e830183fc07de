"""What NinjaOne's refusals mean: a status and what is said become one of our errors, with what to do."""

from dataclasses import dataclass
from typing import Final

import httpx

from halo_agent.answers import object_of, retry_after
from halo_agent.connectors.ninjaone.settings import NinjaOneSettings
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

WHERE: Final = "Administration > Apps > API > Client app IDs"
"""Where an administrator of NinjaOne finds the API applications."""
SCOPE: Final = "monitoring"


@dataclass(frozen=True, slots=True)
class SignInRule:
    """What a refused sign-in means; `{client}` and `{host}` are filled in."""

    error: type[HaloIntegratorError]
    sentence: str


_NOT_A_MACHINE: Final = SignInRule(
    CredentialRefused,
    "application {client} may not sign in by itself: make one of the platform 'API Services (machine-to-machine)' "
    f"with the grant type 'Client credentials', under {WHERE}",
)
_UNKNOWN: Final = SignInRule(
    SettingsInvalid,
    "{host} knows no application {client}: correct 'client_id', or 'instance', since each region knows only its own "
    f"(see {WHERE})",
)
SIGN_IN: Final = {
    "invalid_client": SignInRule(
        CredentialRefused,
        "the client secret of application {client} is wrong: make a new one, and store it on the agent's machine "
        f"as 'client_secret' (see {WHERE}). Or 'instance' is another customer's region",
    ),
    "invalid_scope": SignInRule(
        PermissionMissing,
        f"application {{client}} does not have the scope {SCOPE}: tick Monitoring of the application, under {WHERE}",
    ),
    "unauthorized_client": _NOT_A_MACHINE,
    "unsupported_grant_type": _NOT_A_MACHINE,
    "client app not exist": _UNKNOWN,
}
"""By the code of OAuth, or NinjaOne's own result code."""


_ELSEWHERE: Final = {httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED}


def of_sign_in(response: httpx.Response, settings: NinjaOneSettings, clock: Clock) -> HaloIntegratorError:
    """The error that a refused request for a token stands for."""
    if response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return of_api(response, "give a token", "", clock)
    if response.is_redirect or response.status_code in _ELSEWHERE:
        return not_ninjaone(response)
    rule = SIGN_IN.get(_code(response).casefold())
    if rule is None:
        return CredentialRefused(
            f"NinjaOne does not let application {settings.client_id} sign in{_text(response)} "
            f"(status {response.status_code}). Check it under {WHERE}.",
            detail=detail(response),
        )
    host = response.request.url.host
    sentence = rule.sentence.format(client=settings.client_id, host=host)
    return rule.error(f"NinjaOne refused the sign-in: {sentence}.", detail=detail(response))


def of_api(response: httpx.Response, doing: str, filtered: str, clock: Clock) -> HaloIntegratorError:
    """The error that an unsuccessful answer stands for. `doing` completes "refused to ..."."""
    status, said, known = response.status_code, _text(response), detail(response)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        wait = retry_after(response, clock)
        return RateLimited(f"NinjaOne asks for fewer requests{said}.", detail=known, retry_after=wait)
    if response.is_server_error:
        return SourceUnavailable(f"NinjaOne could not {doing} (status {status}){said}.", detail=known)
    if status == httpx.codes.UNAUTHORIZED:
        return CredentialRefused(
            f"NinjaOne took a fresh token for no good and refused to {doing}{said}.", detail=known
        )
    if status == httpx.codes.FORBIDDEN:
        return PermissionMissing(
            f"The application may not {doing}: tick Monitoring of the application, under {WHERE}{said}.",
            detail=known,
        )
    if response.is_redirect or not object_of(response):
        return not_ninjaone(response)
    if status == httpx.codes.BAD_REQUEST and filtered:
        return SettingsInvalid(
            f"NinjaOne does not understand the device filter '{filtered}'{said}. "
            "Correct 'devices.filter', or what 'devices' says otherwise.",
            detail=known,
        )
    return SettingsInvalid(f"NinjaOne refused to {doing} (status {status}){said}.", detail=known)


def not_ninjaone(response: httpx.Response) -> HaloIntegratorError:
    """The error for an address at which something else answers."""
    url = response.request.url
    return SettingsInvalid(
        f"What answers at https://{url.host} is not NinjaOne's interface (status {response.status_code} "
        f"for {url.path}): correct 'instance'.",
        detail=detail(response),
    )


def not_understood(response: httpx.Response) -> HaloIntegratorError:
    """The error for a successful answer that is not what its kind always is, as from a proxy's page."""
    return SourceUnavailable(
        f"{response.request.url.host} answered {response.request.url.path} with something else than NinjaOne does: "
        "does a proxy stand between?",
        detail=detail(response),
    )


def detail(response: httpx.Response) -> str:
    """What we want to know of an answer: its address without the query, and a glimpse of its body."""
    request = response.request
    return scrub(f"{request.method} {request.url.path} -> {response.status_code}: {response.text[:200]}")


def _code(response: httpx.Response) -> str:
    body = object_of(response)
    return str(body.get("error") or body.get("resultCode") or "")


def _text(response: httpx.Response) -> str:
    body = object_of(response)
    said = body.get("error_description") or body.get("errorMessage") or _code(response)
    return f": {scrub(str(said))[:200]}" if said else ""
