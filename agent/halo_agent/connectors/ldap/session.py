"""A client in a thread of its own, for code that may not block."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from pydantic import SecretStr

from halo_agent.connectors.ldap import refusals
from halo_agent.connectors.ldap.client import Client, Entry
from halo_agent.connectors.ldap.settings import LdapSettings

ResultT = TypeVar("ResultT")


class Session:
    """A connection to the directory; see `signed_in`."""

    def __init__(self, settings: LdapSettings, attributes: Sequence[str]) -> None:
        self._settings = settings
        self._client = Client(settings, attributes)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ldap")
        self._doing: Future[Any] | None = None  # Any: of whatever is done

    async def sign_in(self, password: SecretStr) -> None:
        """Connect and authenticate."""
        await self._do(self._client.sign_in, password)

    async def pages(self, size: int) -> AsyncGenerator[list[Entry], None]:
        """All that matches, a page at a time; see `Client.pages` for what its end proves."""
        pages = self._client.pages(size)
        while (page := await self._do(next, pages, None)) is not None:
            yield page

    async def close(self) -> None:
        """Give everything back; what is still being done is broken off."""
        if self._doing is not None and not self._doing.done():
            self._client.hang_up()
        closed = self._thread.submit(self._client.close)
        self._thread.shutdown(wait=False)
        await asyncio.shield(asyncio.wrap_future(closed))

    async def _do(self, work: Callable[..., ResultT], *values: object) -> ResultT:
        self._doing = self._thread.submit(work, *values)
        try:
            async with asyncio.timeout(self._settings.seconds):
                return await asyncio.wrap_future(self._doing)
        except TimeoutError as error:
            raise refusals.too_slow(self._settings) from error


@asynccontextmanager
async def signed_in(
    settings: LdapSettings, password: SecretStr, attributes: Sequence[str]
) -> AsyncIterator[Session]:
    """A session for the length of a `with`."""
    session = Session(settings, attributes)
    try:
        await session.sign_in(password)
        yield session
    finally:
        await session.close()
