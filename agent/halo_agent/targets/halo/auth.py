"""Entering Halo: where to ask for a token, and a fresh one on every request."""

from dataclasses import dataclass
from typing import Final

import httpx
from pydantic import SecretStr

from halo_agent.answers import object_of
from halo_agent.bearer import BearerAuth, Token
from halo_agent.targets.halo.bodies import explain
from halo_agent.targets.halo.errors import WHERE, NotSent, detail, refusal, unreachable
from halo_shared.clock import Clock
from halo_shared.errors import (
    HaloCredentialRefused,
    HaloIntegratorError,
    PermissionMissing,
    SettingsInvalid,
    TargetUnavailable,
)
from halo_shared.integrations import HaloConnection, TenantKind

USUAL_LIFE: Final = 3600.0
"""Seconds a token lives when Halo does not say."""

_SERVICES: Final = (
    "Application '{client}' may not log in by itself. Let its method be 'Client ID and Secret (Services)'"
)
_REFUSALS: Final[dict[str, tuple[type[HaloIntegratorError], str]]] = {
    "invalid_client": (
        HaloCredentialRefused,
        "Halo refused client id '{client}' or its secret{tenant}. Check both",
    ),
    "invalid_scope": (
        PermissionMissing,
        "Application '{client}' may not ask Halo for the scope '{scope}'. Allow it, or name fewer in 'scope' of the tenant,",
    ),
    "unauthorized_client": (HaloCredentialRefused, _SERVICES),
    "unsupported_grant_type": (HaloCredentialRefused, _SERVICES),
}
_OTHER: Final = (HaloCredentialRefused, "Halo gave application '{client}' no token ({said}). Check it")


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Where tokens are given, and for which of Halo's tenants."""

    url: str
    tenant: str | None


class HaloAuth(BearerAuth):
    """Signs requests with a token of one Halo; to ask for one raises HaloCredentialRefused, PermissionMissing,
    SettingsInvalid or TransientError.
    """

    def __init__(
        self, http: httpx.AsyncClient, connection: HaloConnection, secret: SecretStr, clock: Clock
    ) -> None:
        super().__init__(clock)
        self._http = http
        self._connection = connection
        self._secret = secret
        self._endpoint: TokenEndpoint | None = None

    async def endpoint(self) -> TokenEndpoint:
        """Where tokens are given, as the instance itself says; by custom below /auth."""
        if self._endpoint is None:
            self._endpoint = await self._find_endpoint()
        return self._endpoint

    async def _find_endpoint(self) -> TokenEndpoint:
        url = base(self._connection)
        address, tenant = await self._said_endpoint(url)
        if url.startswith("https:") and not address.startswith("https:"):
            raise SettingsInvalid(
                f"Halo at {url} gives its tokens at {address}, where the client secret would travel in clear. "
                "Correct the address of the authorisation server in Halo, or 'auth_url' of the tenant."
            )
        if self._connection.kind is TenantKind.ON_PREMISE:
            return TokenEndpoint(f"{address}/token", None)
        return TokenEndpoint(f"{address}/token", self._connection.tenant or tenant)

    async def _said_endpoint(self, url: str) -> tuple[str, str | None]:
        """Where tokens are given, and for which tenant: as the tenant's file says, else as the instance does."""
        if self._connection.auth_url is not None:
            return str(self._connection.auth_url).rstrip("/"), None
        response = await self._send(self._http.build_request("GET", f"{url}/api/authinfo"))
        if _passing(response):
            raise _not_sent(response, "say where it gives tokens", self._clock)
        address, tenant = _endpoint_of(response)
        return address or f"{url}/auth", tenant

    async def grants(self, scope: str) -> bool:
        """Whether the application may ask for this scope; the token is not used."""
        endpoint = await self.endpoint()
        response = await self._request_token(endpoint, scope)
        if response.is_success:
            return True
        if _error_code(response) == "invalid_scope":
            return False
        raise self._refused(response, endpoint)

    async def _ask_for_token(self) -> Token:
        endpoint = await self.endpoint()
        asked_at = self._clock.monotonic()
        response = await self._request_token(endpoint, self._connection.scope)
        if not response.is_success:
            raise self._refused(response, endpoint)
        return _token_of(response, asked_at)

    async def _request_token(self, endpoint: TokenEndpoint, scope: str) -> httpx.Response:
        return await self._send(
            self._http.build_request(
                "POST",
                endpoint.url,
                params={"tenant": endpoint.tenant} if endpoint.tenant else None,
                data={
                    "grant_type": "client_credentials",
                    "client_id": self._connection.client_id,
                    "client_secret": self._secret.get_secret_value(),
                    "scope": scope,
                },
            )
        )

    async def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._http.send(request, auth=None)
        except httpx.RequestError as error:
            told = unreachable(error)
            if isinstance(told, TargetUnavailable):
                raise NotSent(told.message, detail=told.detail) from error
            raise told from error

    def _refused(self, response: httpx.Response, endpoint: TokenEndpoint) -> HaloIntegratorError:
        if _passing(response):
            return _not_sent(response, "give a token", self._clock)
        if response.status_code == httpx.codes.NOT_FOUND:
            return SettingsInvalid(
                f"Halo gives no tokens at {endpoint.url}: check 'url' of the tenant.",
                detail=detail(response),
            )
        error, sentence = _REFUSALS.get(_error_code(response), _OTHER)
        message = sentence.format(
            client=self._connection.client_id,
            scope=self._connection.scope,
            tenant=f" for tenant '{endpoint.tenant}'" if endpoint.tenant else "",
            said=explain(response.text) or f"status {response.status_code}",
        )
        return error(f"{message} under {WHERE}.", detail=detail(response))


def base(connection: HaloConnection) -> str:
    """The address of the instance, without a slash at its end."""
    return str(connection.url).rstrip("/")


def _passing(response: httpx.Response) -> bool:
    return response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS


def _not_sent(response: httpx.Response, doing: str, clock: Clock) -> HaloIntegratorError:
    """As any refusal, but what was to be asked of Halo with the token has certainly not been asked."""
    error = refusal(response, doing, clock)
    return NotSent(error.message, detail=error.detail) if isinstance(error, TargetUnavailable) else error


def _endpoint_of(response: httpx.Response) -> tuple[str, str | None]:
    body = object_of(response)
    address, tenant = body.get("auth_url"), body.get("tenant_id")
    return (
        address.rstrip("/") if isinstance(address, str) else "",
        tenant if isinstance(tenant, str) and tenant else None,
    )


def _token_of(response: httpx.Response, asked_at: float) -> Token:
    """The token of a reply; to be renewed a minute before its end, or a tenth of a short life before."""
    body = object_of(response)
    value, life = body.get("access_token"), body.get("expires_in")
    if not isinstance(value, str) or not value:
        raise NotSent("Halo answered the request for a token with something else.")
    seconds = float(life) if isinstance(life, int | float) and life > 0 else USUAL_LIFE
    return Token(SecretStr(value), seconds, asked_at + seconds - min(60, seconds / 10))


def _error_code(response: httpx.Response) -> str:
    return str(object_of(response).get("error", ""))
