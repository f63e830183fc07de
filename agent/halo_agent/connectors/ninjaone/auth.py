"""Tokens of NinjaOne, by client credentials.

https://www.ninjaone.com/docs/application-programming-interface-api/oauth-token-configuration/
"""

from typing import Final

import httpx
from pydantic import SecretStr

from halo_agent.answers import object_of, unreachable
from halo_agent.bearer import BearerAuth, Token
from halo_agent.connectors import Secrets
from halo_agent.connectors.ninjaone import refusals
from halo_agent.connectors.ninjaone.settings import NinjaOneSettings
from halo_shared.clock import Clock

PATH: Final = "/ws/oauth/token"
EARLY: Final = 120.0
"""Seconds before its end that a token is renewed."""


class NinjaAuth(BearerAuth):
    """Signs requests with a token of one API application."""

    def __init__(
        self, http: httpx.AsyncClient, settings: NinjaOneSettings, secrets: Secrets, clock: Clock
    ) -> None:
        super().__init__(clock)
        self._http = http
        self._settings = settings
        self._secrets = secrets

    async def _ask_for_token(self) -> Token:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._settings.client_id,
            "client_secret": self._secrets.resolve(self._settings.client_secret).get_secret_value(),
            # No more than is needed: a scope that the application does not have is refused, not left out.
            "scope": refusals.SCOPE,
        }
        asked_at = self._clock.monotonic()
        try:
            response = await self._http.post(f"{self._settings.instance}{PATH}", data=form)
        except httpx.RequestError as error:
            raise unreachable(error) from error
        if not response.is_success:
            raise refusals.of_sign_in(response, self._settings, self._clock)
        return _token_of(response, asked_at)


def _token_of(response: httpx.Response, asked_at: float) -> Token:
    body = object_of(response)
    value, life = body.get("access_token"), body.get("expires_in")
    if not isinstance(value, str) or not value or not isinstance(life, int) or life <= 0:
        raise refusals.not_understood(response)
    return Token(SecretStr(value), life, asked_at + max(life - EARLY, life / 2))
