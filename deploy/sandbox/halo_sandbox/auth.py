"""Tokens: how a client obtains one, and which are good."""

import secrets
from collections.abc import Mapping

from halo_sandbox import errors
from halo_sandbox.settings import SandboxSettings
from halo_shared.clock import Clock

_AREAS = (
    *("tickets", "calendar", "customers", "crm", "timesheets", "contracts", "suppliers", "items"),
    *("projects", "sales", "quotes", "sos", "pos", "invoices", "reporting", "software"),
    *("softwarelicensing", "kb", "assets"),
)

# There is no read:users: users and sites come under customers.
SCOPES = frozenset(
    {
        *("all", "all:standard", "admin", "access:chat", "access:adpasswordreset"),
        *(f"{right}:{area}" for right in ("read", "edit") for area in _AREAS),
    }
)


class Tokens:
    """The bearer tokens that were given and have not run out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends: dict[str, float] = {}

    def issue(self, seconds: int) -> str:
        token = secrets.token_urlsafe(32)
        self._ends[token] = self._clock.monotonic() + seconds
        return token

    def accepts(self, authorization: str) -> bool:
        """Whether this Authorization header opens the API."""
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and self._ends.get(token, 0) > self._clock.monotonic()

    def revoke(self) -> int:
        """Forget every token, as when somebody generates a new client secret."""
        count = len(self._ends)
        self._ends.clear()
        return count


def check_grant(settings: SandboxSettings, form: Mapping[str, str], tenant: str | None) -> None:
    """Raise what Halo answers to a token request that is not in order."""
    if form.get("grant_type") != "client_credentials":
        raise _refused("unsupported_grant_type")
    expected = (settings.client_id, settings.client_secret)
    if (form.get("client_id"), form.get("client_secret")) != expected:
        raise _refused("invalid_client")
    if settings.tenant is not None and tenant != settings.tenant:
        raise _refused("invalid_client")
    if not set(form.get("scope", "all").split()) <= SCOPES:
        raise _refused("invalid_scope")


def _refused(error: str) -> errors.Refusal:
    return errors.Refusal(400, {"error": error})
