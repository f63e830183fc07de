"""The sign-in of the stand-in: which applications there are, and what they must prove."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.responses import JSONResponse, Response

from halo_shared.clock import Clock

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class Application:
    """An app registration, as one tenant knows it."""

    tenant: str
    client_id: str
    secret: str = ""
    secret_expired: bool = False
    certificate: x509.Certificate | None = None
    permissions: frozenset[str] = frozenset()


@dataclass(slots=True)
class Identity:
    """Every application, and the tokens that were given out."""

    clock: Clock
    applications: list[Application] = field(default_factory=list)
    lifetime: int = 3_600
    """Seconds that a token is good for."""
    given: dict[str, tuple[Application, float]] = field(default_factory=dict)

    def token(self, tenant: str, form: Mapping[str, str], url: str, graph: str) -> Response:
        """The answer to a request for a token, refused as Microsoft refuses."""
        known = [one for one in self.applications if one.tenant == tenant]
        if not known:
            return _refused("invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if form.get("grant_type") != "client_credentials":
            return _refused("unsupported_grant_type", 70003, "The app returned an unsupported grant type.")
        if form.get("scope") != f"{graph}/.default":
            return _refused("invalid_scope", 1002012, "The provided value for scope is not valid.")
        application = next((one for one in known if one.client_id == form.get("client_id")), None)
        if application is None:
            return _refused("unauthorized_client", 700016, "Application was not found in the directory.")
        if refusal := _unproved(application, form, url):
            return refusal
        value = secrets.token_urlsafe(32)
        self.given[value] = (application, self.clock.monotonic() + self.lifetime)
        return JSONResponse({"token_type": "Bearer", "expires_in": self.lifetime, "access_token": value})

    def opened_by(self, authorization: str) -> Application | None:
        """Whose token this is; None for one that is unknown or over."""
        application, until = self.given.get(authorization.removeprefix("Bearer "), (None, 0.0))
        return application if self.clock.monotonic() < until else None


def _unproved(application: Application, form: Mapping[str, str], url: str) -> Response | None:
    if "client_assertion" in form:
        return _unproved_by_certificate(application, form, url)
    if application.secret_expired:
        return _refused("invalid_client", 7000222, "The provided client secret keys are expired.")
    if not application.secret or form.get("client_secret") != application.secret:
        return _refused("invalid_client", 7000215, "Invalid client secret provided.")
    return None


def _unproved_by_certificate(application: Application, form: Mapping[str, str], url: str) -> Response | None:
    if application.certificate is None or form.get("client_assertion_type") != ASSERTION_TYPE:
        return _refused("invalid_client", 700027, "The certificate was not found in the application.")
    thumbprint = hashlib.sha256(application.certificate.public_bytes(Encoding.DER)).digest()
    named = base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode()
    assertion = form["client_assertion"]
    try:
        if jwt.get_unverified_header(assertion).get("x5t#S256") != named:
            return _refused("invalid_client", 700027, "The certificate was not found in the application.")
        claims = jwt.decode(
            assertion,
            application.certificate.public_key(),  # type: ignore[arg-type]  # the tests' certificates are RSA
            algorithms=["PS256"],
            audience=url,
            options={"require": ["aud", "exp", "iss", "jti", "nbf", "sub"]},
        )
    except jwt.InvalidTokenError as error:
        return _refused("invalid_client", 700027, f"Client assertion failed signature validation. {error}")
    if {claims["iss"], claims["sub"]} != {application.client_id}:
        return _refused("invalid_client", 700021, "Client assertion application identifier doesn't match.")
    return None


def _refused(error: str, code: int, text: str) -> Response:
    return JSONResponse({"error": error, "error_description": f"AADSTS{code}: {text}\r\nTrace ID: 0"}, 401)
