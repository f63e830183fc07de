"""Requests signed with a bearer token, which is renewed before its end, and once more when it is refused."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import httpx
from pydantic import SecretStr

from halo_shared.clock import Clock


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token."""

    value: SecretStr
    life: float
    """Seconds, as its giver says."""
    renew_at: float
    """On the monotonic clock."""


class BearerAuth(httpx.Auth):
    """Puts a valid token on each request; requests that need a new one share it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._token: Token | None = None
        self._renewing = asyncio.Lock()

    @abstractmethod
    async def _ask_for_token(self) -> Token:
        """A new token; raises what the refusal of one means."""

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Sign the request, and once more with a new token if the one it had is no longer taken."""
        token = await self.token()
        response = yield _signed(request, token)
        # Its connection must be free again, or as many refused requests as there are would leave none to ask for a token.
        await response.aread()
        if response.status_code == httpx.codes.UNAUTHORIZED:
            yield _signed(request, await self.token(refused=token))

    async def token(self, *, refused: Token | None = None) -> Token:
        """The present token; a new one if that is old or the one refused."""
        async with self._renewing:
            held = self._token
            if held is None or held is refused or self._clock.monotonic() >= held.renew_at:
                held = self._token = await self._ask_for_token()
            return held


def _signed(request: httpx.Request, token: Token) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {token.value.get_secret_value()}"
    return request
