"""What Halo's refusals mean: a status, or a connection that failed, becomes one of our errors."""

import re
from dataclasses import dataclass
from typing import Final

import httpx

from halo_agent.answers import certificate_refused, retry_after
from halo_agent.targets.halo.bodies import explain
from halo_shared.clock import Clock
from halo_shared.errors import (
    HaloIntegratorError,
    PermissionMissing,
    RateLimited,
    RecordRefused,
    SettingsInvalid,
    TargetUnavailable,
)
from halo_shared.redaction import scrub

WHERE: Final = "Configuration > Integrations > Halo API"
"""Where an administrator of Halo finds the applications and their rights."""


class NotSent(TargetUnavailable):
    """Halo could not be reached, so nothing was asked of it."""


class StayedAway(NotSent):
    """Halo was down for longer than a run waits."""


class HaloFailed(TargetUnavailable):
    """Halo answered that it failed: whatever it was doing is over."""


class AnswerLost(TargetUnavailable):
    """Halo may have stored a new record, but its answer was lost; look before it is sent again."""

    def __init__(self, message: str = "", *, detail: str = "", over: bool = False) -> None:
        super().__init__(message, detail=detail)
        self.over = over
        """Whether Halo has ended its work on it. Where only the connection broke it may still be storing."""


class NotFound(RecordRefused):
    """Halo has no such record."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a range of statuses means; `{doing}` and `{said}` are filled in."""

    statuses: range
    error: type[HaloIntegratorError]
    sentence: str


RULES: Final = (
    Rule(
        range(300, 400),
        SettingsInvalid,
        "Halo's address sends every request elsewhere{said}: write that address as 'url' of the tenant",
    ),
    Rule(
        range(401, 402),
        PermissionMissing,
        f"Halo does not let this application {{doing}}: check its permissions under {WHERE}, "
        "and the role of the agent it logs in as",
    ),
    Rule(
        range(403, 404),
        PermissionMissing,
        f"Halo forbids this application to {{doing}}{{said}}: check its permissions under {WHERE}, "
        "the role of the agent it logs in as, and whether a proxy or firewall stands between",
    ),
    Rule(range(404, 405), NotFound, "Halo could not {doing}: it has no such record or resource{said}"),
    Rule(range(408, 409), TargetUnavailable, "Halo could not {doing} in time{said}"),
    Rule(range(429, 430), RateLimited, "Halo asks for fewer requests{said}"),
    Rule(range(400, 500), RecordRefused, "Halo refused to {doing}{said}"),
    Rule(range(500, 501), HaloFailed, "Halo could not {doing} (status {status}){said}"),
    Rule(range(501, 600), TargetUnavailable, "Halo could not {doing} (status {status}){said}"),
)

_PASSING: Final = re.compile(r"\((?:1205|-2)\)|deadlock(?:ed)? |timeout expired", re.IGNORECASE)
"""Database errors that have nothing to do with the record: victim of a deadlock, time-out."""


def refusal(response: httpx.Response, doing: str, clock: Clock) -> HaloIntegratorError:
    """The error that an unsuccessful response stands for. `doing` completes "Halo refused to ..."."""
    status = response.status_code
    said = explain(response.text) or response.headers.get("location", "")
    rule = next((rule for rule in RULES if status in rule.statuses), RULES[-1])
    error = (
        TargetUnavailable if rule.error is RecordRefused and _PASSING.search(response.text) else rule.error
    )
    message = rule.sentence.format(doing=doing, status=status, said=f": {said}" if said else "") + "."
    if error is RateLimited:
        return RateLimited(message, detail=detail(response), retry_after=retry_after(response, clock))
    return error(message, detail=detail(response))


def unreachable(error: httpx.RequestError) -> HaloIntegratorError:
    """The error that a failed request stands for: not sent, not to be trusted, or sent with its answer lost."""
    host = error.request.url.host
    told = f"{type(error).__name__}: {error}"
    if certificate_refused(error):
        return SettingsInvalid(
            f"The certificate of {host} is not trusted by this machine: install the authority that signed it, "
            "or name it in SSL_CERT_FILE.",
            detail=told,
        )
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError):
        return NotSent(
            f"Halo cannot be reached at {host}: check the address, DNS, proxy and firewall.", detail=told
        )
    if isinstance(error, httpx.TimeoutException):
        return TargetUnavailable(f"Halo at {host} did not answer in time.", detail=told)
    return TargetUnavailable(f"The connection to Halo at {host} broke before the answer came.", detail=told)


def detail(response: httpx.Response) -> str:
    """What we want to know of a response, never more than a glimpse of its body."""
    request = response.request
    return scrub(f"{request.method} {request.url.path} -> {response.status_code}: {response.text[:200]}")
