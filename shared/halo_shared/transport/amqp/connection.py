"""One connection to the broker that comes back after each of its absences."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Final, Self

import aio_pika
from aio_pika import exceptions as amqp
from aio_pika.abc import AbstractChannel, AbstractConnection
from tenacity import RetryCallState, wait_random_exponential
from yarl import URL

from halo_shared import logs
from halo_shared.errors import BrokerUnavailable, CredentialRefused, HaloIntegratorError, SettingsInvalid
from halo_shared.redaction import scrub
from halo_shared.transport.amqp.faults import translated
from halo_shared.transport.amqp.tls import keep_looking, tls_of

log = logs.get(__name__)

CONNECT_TIMEOUT: Final = 10.0
HEARTBEAT: Final = 10
"""Seconds between signs of life; a line that is cut without a word is noticed after three of them.

That is before the controller gives up the runs of an agent that it does not hear.
"""
CLOSE_TIMEOUT: Final = 5.0
"""Seconds for a polite goodbye; a broker that does not answer is left without one."""
PATIENCE: Final = 15.0
"""Seconds that a publisher waits for a broker that is away, before it hears BrokerUnavailable."""
_RECONNECT: Final = wait_random_exponential(multiplier=0.5, max=30)
"""Full jitter, so that a thousand agents do not come back in the same second."""


class BrokerConnection:
    """Enter it to connect; it reconnects by itself until it is left."""

    def __init__(self, url: str, *, name: str) -> None:
        self.address: Final = _without_password(url)
        self._url = url
        self._name = name
        self._up = asyncio.Event()
        self._failure: HaloIntegratorError = BrokerUnavailable(
            f"The broker at {self.address} was not reached yet."
        )
        self._connection: AbstractConnection | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._fault: Exception | None = None
        """What ended the keeper: waiting for a connection is in vain."""

    async def __aenter__(self) -> Self:
        self._keeper = asyncio.create_task(self._keep(), name="broker connection")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._keeper:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def up(self) -> None:
        """Return when there is a connection, however long that takes; raises what makes it impossible."""
        await self._up.wait()
        if self._fault:
            raise self._fault

    async def open_channel(self, *, patience: float = PATIENCE) -> AbstractChannel:
        """A channel on which publishing is confirmed; raises what stands in the way after so many seconds."""
        connection = await self.connected(patience)
        with translated("opening a channel"):
            # The library would wait for ever on a connection that the broker has blocked.
            async with asyncio.timeout(patience):
                return await connection.channel(publisher_confirms=True, on_return_raises=True)

    @asynccontextmanager
    async def channel(self, doing: str) -> AsyncIterator[AbstractChannel]:
        """A channel for the length of a `with`, inside which the library's errors become ours."""
        channel = await self.open_channel()
        try:
            with translated(doing):
                yield channel
        finally:
            await close(channel)

    async def connected(self, patience: float = PATIENCE) -> AbstractConnection:
        """The connection; raises what stands in the way after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self.up()
        if self._connection is None:
            raise type(self._failure)(self._failure.message, detail=self._failure.detail)
        return self._connection

    async def _keep(self) -> None:
        try:
            await self._reconnect_for_ever()
        # The task's edge: else nobody would hear of it, and all would wait for ever.
        except Exception as error:  # noqa: BLE001 - handed to all who wait
            self._fault = error
            self._up.set()

    async def _reconnect_for_ever(self) -> None:
        attempt = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]  # only counts attempts for the wait
        while True:
            try:
                connection = await self._connect()
            except (BrokerUnavailable, CredentialRefused) as error:
                self._failure = error
            else:
                attempt.attempt_number = 1
                await self._lend(connection)
            pause = _RECONNECT(attempt)
            attempt.attempt_number += 1
            log.warning("broker_away", why=self._failure.message, next_try_in=round(pause, 1))
            await asyncio.sleep(pause)

    async def _lend(self, connection: AbstractConnection) -> None:
        """Let others use this connection until it is lost, or until we are left."""
        gone = asyncio.Event()
        connection.close_callbacks.add(lambda *_: gone.set())
        self._connection = connection
        self._up.set()
        log.info("broker_connected", broker=self.address)
        looking = asyncio.create_task(keep_looking(URL(self._url)), name="broker certificate")
        try:
            await gone.wait()
        finally:
            looking.cancel()
            self._up.clear()
            self._connection = None
            self._failure = BrokerUnavailable(f"The connection to the broker at {self.address} was lost.")
            await close(connection)

    async def _connect(self) -> AbstractConnection:
        try:
            url = URL(self._url)
            return await aio_pika.connect(
                url if "heartbeat" in url.query else url.update_query(heartbeat=HEARTBEAT),
                timeout=CONNECT_TIMEOUT,
                ssl_context=tls_of(url),
                client_properties={"connection_name": self._name},
            )
        except (amqp.ProbableAuthenticationError, amqp.AuthenticationError) as error:
            raise CredentialRefused(
                f"The broker at {self.address} refused the user name or password.", detail=str(error)
            ) from error
        except (*amqp.CONNECTION_EXCEPTIONS, TimeoutError) as error:
            # The library has no error of its own for this answer to Connection.Open.
            if isinstance(error, amqp.InvalidFrameError) and "Connection.OpenOk" in str(error):
                raise CredentialRefused(
                    f"The broker at {self.address} has no such virtual host, or this user may not enter it.",
                    detail=str(error),
                ) from error
            raise BrokerUnavailable(
                f"The broker at {self.address} cannot be reached: {str(error) or type(error).__name__}. "
                "Check the address, and that the broker is running.",
                detail=repr(error),
            ) from error
        except ValueError as error:
            raise SettingsInvalid(
                f"The broker's address {self.address} cannot be used: its host is no name that can be looked up.",
                detail=repr(error),
            ) from error


async def close(resource: AbstractConnection | AbstractChannel) -> None:
    """Say goodbye to the broker if it still listens."""
    with suppress(*amqp.CONNECTION_EXCEPTIONS):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await resource.close()


def _without_password(url: str) -> str:
    """The address as people may see it; raises SettingsInvalid when it is none."""
    try:
        parsed = aio_pika.connection.make_url(url)
    except ValueError:
        parsed = URL()
    if parsed.scheme not in ("amqp", "amqps") or not parsed.host:
        # Nobody knows where the password is in it, so no more than the scheme is shown, and no cause.
        scheme = re.match(r"[a-z]+://", url)
        raise SettingsInvalid(
            f"'{scheme[0] if scheme else ''}...' is not the address of a broker: write "
            "amqps://user:password@host/virtual-host, and %2F for a '/' in the password."
        )
    return scrub(url)
