"""Tokens: how a client obtains one, and which are good."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from halo_sandbox import errors
from halo_sandbox.settings import Access, SandboxSettings, Switches
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


@dataclass(frozen=True, slots=True)
class Given:
    """A token: how long it is good, and for what."""

    ends: float
    scopes: frozenset[str]


class Tokens:
    """The bearer tokens that were given and have not run out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._given: dict[str, Given] = {}

    def issue(self, seconds: int, scopes: Collection[str]) -> str:
        token = secrets.token_urlsafe(32)
        self._given[token] = Given(self._clock.monotonic() + seconds, frozenset(scopes))
        return token

    def scopes(self, authorization: str) -> frozenset[str]:
        """What this Authorization header opens; nothing at all when it is no good."""
        scheme, _, token = authorization.partition(" ")
        given = self._given.get(token) if scheme.lower() == "bearer" else None
        return given.scopes if given and given.ends > self._clock.monotonic() else frozenset()

    def revoke(self) -> int:
        """Forget every token, as when somebody generates a new client secret."""
        count = len(self._given)
        self._given.clear()
        return count


def permits(scopes: Collection[str], role: Mapping[str, Access], right: tuple[str, str]) -> bool:
    """Effective rights are those that the token's scopes and the role of its agent both have."""
    access, area = right
    named = role.get(area, "edit")
    by_role = named == "edit" or (named == "read" and access == "read")
    everything = "all" in scopes or ("all:standard" in scopes and area != "admin")
    enough = {f"{access}:{area}", f"edit:{area}"} | ({"admin"} if area == "admin" else set())
    return by_role and (everything or not enough.isdisjoint(scopes))


def granted(
    settings: SandboxSettings, switches: Switches, form: Mapping[str, str], tenant: str | None
) -> frozenset[str]:
    """The scopes of a token request that is in order; raises what Halo answers to one that is not."""
    if form.get("grant_type") != "client_credentials":
        raise _refused("unsupported_grant_type")
    expected = (settings.client_id, settings.client_secret)
    if (form.get("client_id"), form.get("client_secret")) != expected:
        raise _refused("invalid_client")
    if settings.tenant is not None and tenant != settings.tenant:
        raise _refused("invalid_client")
    asked = frozenset(form.get("scope", "all").split())
    if not asked <= SCOPES or not ("all" in switches.scopes or asked <= set(switches.scopes)):
        raise _refused("invalid_scope")
    return asked


def _refused(error: str) -> errors.Refusal:
    return errors.Refusal(400, {"error": error})
