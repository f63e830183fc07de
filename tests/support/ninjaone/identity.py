"""The sign-in of the stand-in: which API applications there are, and what they must prove."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.responses import JSONResponse, Response

from halo_shared.clock import Clock

LIFE: Final = 3600


@dataclass(slots=True)
class Application:
    """An API application, as an administrator made it."""

    client_id: str
    secret: str
    scopes: frozenset[str] = frozenset({"monitoring"})
    machine: bool = True
    """Whether its platform is API Services, so that it may sign in by itself."""


@dataclass(slots=True)
class Identity:
    """Every application, and the tokens that were given out."""

    clock: Clock
    applications: dict[str, Application] = field(default_factory=dict)
    given: dict[str, tuple[frozenset[str], float]] = field(default_factory=dict)
    """Scopes and end of each token, by its value."""

    def token(self, form: Mapping[str, str]) -> Response:
        """The answer to a request for a token."""
        application = self.applications.get(form.get("client_id", ""))
        if form.get("grant_type") != "client_credentials":
            return _refused("unsupported_grant_type", "Unsupported grant type")
        if application is None:
            return JSONResponse({"resultCode": "Client app not exist"}, 400)
        if not secrets.compare_digest(form.get("client_secret", ""), application.secret):
            return _refused("invalid_client", "Invalid client credentials", 401)
        if not application.machine:
            return _refused("unauthorized_client", "Client is not authorized to use this grant type")
        asked = frozenset(form.get("scope", "").split())
        if not asked or not asked <= application.scopes:
            return _refused("invalid_scope", f"Invalid scope {form.get('scope')} for client")
        value = secrets.token_urlsafe(24)
        self.given[value] = (asked, self.clock.monotonic() + LIFE)
        return JSONResponse(
            {
                "access_token": value,
                "expires_in": LIFE,
                "scope": " ".join(sorted(asked)),
                "token_type": "Bearer",
            }
        )

    def scopes(self, authorization: str) -> frozenset[str] | None:
        """What a bearer may do; None when the token is missing, unknown or at its end."""
        kind, _, value = authorization.partition(" ")
        scopes, end = self.given.get(value, (frozenset(), 0.0))
        return scopes if kind == "Bearer" and self.clock.monotonic() < end else None


def _refused(error: str, text: str, status: int = 400) -> Response:
    return JSONResponse({"error": error, "error_description": text}, status)
