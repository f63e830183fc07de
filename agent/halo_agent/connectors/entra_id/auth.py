"""Tokens of the Microsoft identity platform, by client secret or by certificate.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from uuid import uuid4

import httpx
import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from pydantic import SecretStr

from halo_agent.answers import object_of, unreachable
from halo_agent.bearer import BearerAuth, Token
from halo_agent.connectors import Secrets
from halo_agent.connectors.entra_id import refusals
from halo_agent.connectors.entra_id.clouds import Endpoints
from halo_agent.connectors.entra_id.settings import Certificate, Directory
from halo_shared.certificates import SEEN
from halo_shared.clock import Clock
from halo_shared.errors import SettingsInvalid

EARLY: Final = 300.0
"""Seconds before its end that a token is renewed."""
ASSERTION_LIFE: Final = timedelta(minutes=5)
BY_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class GraphAuth(BearerAuth):
    """Signs requests with a token of one directory."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        endpoints: Endpoints,
        directory: Directory,
        secrets: Secrets,
        clock: Clock,
    ) -> None:
        super().__init__(clock)
        self._http = http
        self._endpoints = endpoints
        self._directory = directory
        self._secrets = secrets

    async def _ask_for_token(self) -> Token:
        url = self._endpoints.token(self._directory.tenant)
        form = {
            "grant_type": "client_credentials",
            "client_id": self._directory.client_id,
            "scope": self._endpoints.scope,
            **self._proof(url),
        }
        asked_at = self._clock.monotonic()
        try:
            response = await self._http.post(url, data=form)
        except httpx.RequestError as error:
            raise unreachable(error) from error
        if not response.is_success:
            raise refusals.of_sign_in(response, self._directory, self._clock)
        return _token_of(response, asked_at)

    def _proof(self, url: str) -> Mapping[str, str]:
        if self._directory.client_secret is not None:
            secret = self._secrets.resolve(self._directory.client_secret)
            return {"client_secret": secret.get_secret_value()}
        if self._directory.certificate is None:
            raise AssertionError("the settings ask for one of both")
        key, certificate = _certified(self._directory.certificate, self._secrets)
        whose = f"application {self._directory.client_id}"
        SEEN.note(whose, str(self._directory.certificate.file), certificate.not_valid_after_utc)
        assertion = self._assertion(url, key, certificate)
        return {"client_assertion_type": BY_ASSERTION, "client_assertion": assertion}

    def _assertion(self, url: str, key: RSAPrivateKey, certificate: x509.Certificate) -> str:
        """Proof that we hold the key of the certificate which the application knows by its thumbprint."""
        thumbprint = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
        now = self._clock.now()
        claims = {
            "aud": url,
            "iss": self._directory.client_id,
            "sub": self._directory.client_id,
            "jti": str(uuid4()),
            "nbf": now,
            "iat": now,
            "exp": now + ASSERTION_LIFE,
        }
        named = base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode()
        return jwt.encode(claims, key, algorithm="PS256", headers={"x5t#S256": named})


def _certified(certificate: Certificate, secrets: Secrets) -> tuple[RSAPrivateKey, x509.Certificate]:
    passphrase = secrets.resolve(certificate.passphrase) if certificate.passphrase else None
    try:
        content = certificate.file.read_bytes()
        key = load_pem_private_key(content, passphrase.get_secret_value().encode() if passphrase else None)
        shown = x509.load_pem_x509_certificate(content)
    except OSError as error:
        raise SettingsInvalid(
            f"certificate.file: {certificate.file} cannot be read: {error.strerror}."
        ) from error
    except (ValueError, TypeError) as error:
        # Without its cause's text, which may quote what the file holds.
        raise SettingsInvalid(
            f"certificate.file: {certificate.file} must hold a certificate and its private key in PEM, "
            "and 'passphrase' must be given when, and only when, the key has one."
        ) from error
    if not isinstance(key, RSAPrivateKey):
        raise SettingsInvalid(f"certificate.file: the key in {certificate.file} must be an RSA key.")
    return key, shown


def _token_of(response: httpx.Response, asked_at: float) -> Token:
    body = object_of(response)
    value, life = body.get("access_token"), body.get("expires_in")
    if not isinstance(value, str) or not isinstance(life, int):
        raise refusals.not_understood(response)
    return Token(SecretStr(value), life, asked_at + max(life - EARLY, life / 2))
