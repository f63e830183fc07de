"""One connection to a directory: a line, TLS, a sign-in, and one request at a time."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol, Self

from halo_agent import metrics
from halo_agent.directories import ber, messages
from halo_agent.directories.messages import Answer, Entry, Scope
from halo_agent.metrics import UNANSWERED
from halo_shared import telemetry
from halo_shared.telemetry import Attributes, Kind

CHUNK: Final = 1 << 18
SUCCESS: Final = 0
SASL_GOES_ON: Final = 14
GOODBYE_SECONDS: Final = 1.0


class Refused(Exception):
    """The directory answered with a result code that is not success (RFC 4511, appendix A)."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


class LineLost(ConnectionError):
    """The connection ended where an answer was due."""


class Seal(Protocol):
    """Encrypts what goes over a line that has no TLS."""

    def wrap(self, data: bytes) -> bytes:
        """As it travels."""
        ...

    def unwrap(self, data: bytearray) -> bytes:
        """All that has arrived whole, taken out of `data`."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """What one search gave."""

    entries: Sequence[Entry]
    answer: Answer


class Connection:
    """A line to one directory; whoever opened it closes it.

    A request that is cancelled or takes too long leaves its answer on the line, so it ends the connection.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float, host: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._seconds = seconds
        self.host = host
        self._arrived = bytearray()
        self._sealed = bytearray()
        self._seal: Seal | None = None
        self._number = 0

    @classmethod
    async def open(
        cls, address: str, port: int, *, host: str, seconds: float, tls: ssl.SSLContext | None = None
    ) -> Self:
        """A line to this address, inside TLS at once when `tls` says whom to believe to be `host`."""
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(
                address, port, limit=CHUNK, ssl=tls, server_hostname=host if tls else None
            )
        return cls(reader, writer, seconds, host)

    async def start_tls(self, tls: ssl.SSLContext) -> None:
        """Go on inside TLS; raises Refused where the directory has none."""
        await self._asked(messages.start_tls())
        try:
            async with self._in_time():
                await self._writer.start_tls(tls, server_hostname=self.host)
        except OSError as error:
            if isinstance(error, ssl.SSLCertVerificationError | TimeoutError):
                raise
            raise LineLost(str(error)) from error

    def seal_with(self, seal: Seal) -> None:
        """Encrypt everything from here on."""
        self._seal = seal

    @property
    def certificate(self) -> bytes:
        """The certificate the directory showed (DER); empty without TLS."""
        session: ssl.SSLObject | None = self._writer.get_extra_info("ssl_object")
        return (session.getpeercert(binary_form=True) or b"") if session else b""

    @property
    def decoded_certificate(self) -> dict[str, object]:
        """The same, as the ssl module decodes it."""
        session: ssl.SSLObject | None = self._writer.get_extra_info("ssl_object")
        return dict(session.getpeercert() or {}) if session else {}

    async def bind(self, name: str, password: str) -> None:
        """Sign in with name and password; raises Refused."""
        await self._asked(messages.simple_bind(name, password))

    async def bind_step(self, mechanism: str, token: bytes) -> Answer:
        """One turn of a SASL dialogue; raises Refused."""
        return await self._asked(messages.sasl_bind(mechanism, token), SASL_GOES_ON)

    async def search(
        self,
        base: str,
        scope: Scope,
        encoded_filter: bytes,
        attributes: Sequence[str],
        controls: Sequence[bytes] = (),
    ) -> Found:
        """All that one search gives; raises Refused. Referrals are not followed: none names a server of ours."""
        entries: list[Entry] = []
        asked = messages.search(base, scope, encoded_filter, attributes)
        about: Attributes = {"server.address": self.host}
        with telemetry.span("LDAP search", Kind.CLIENT, attributes=about) as span:
            answer = await self._asked(asked, controls=controls, entries=entries)
            span.note({"ldap.entries": len(entries)})
        return Found(entries, answer)

    async def close(self) -> None:
        """Hang up; the other side is told, if it still listens."""
        with suppress(OSError, RuntimeError):
            self._send(messages.unbind())
            self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self._writer.wait_closed()
                return
        self._writer.transport.abort()

    def break_off(self) -> None:
        """Hang up at once."""
        self._writer.transport.abort()

    async def _asked(
        self,
        operation: bytes,
        also_good: int = SUCCESS,
        *,
        controls: Sequence[bytes] = (),
        entries: list[Entry] | None = None,
    ) -> Answer:
        """The answer to one request; entries before it are added to `entries`."""
        try:
            async with self._in_time():
                number = self._send(operation, controls)
                await self._writer.drain()
                answer = await self._answer_to(number, entries)
        except (ValueError, OSError) as error:  # bytes that are no LDAP; a line that broke
            self.break_off()
            metrics.requested("source", UNANSWERED)
            if isinstance(error, LineLost | TimeoutError):
                raise
            raise LineLost(str(error)) from error
        except BaseException:
            self.break_off()
            raise
        good = answer.code in (SUCCESS, also_good)
        metrics.requested("source", "ok" if good else "refused")
        if not good:
            raise Refused(answer.code, answer.text)
        return answer

    async def _answer_to(self, number: int, entries: list[Entry] | None) -> Answer:
        while True:
            data = await self._message()
            given, operation, controls = messages.parts_of(data)
            if operation[0] == messages.ENTRY and entries is not None:
                entries.append(messages.entry(data, operation))
            elif operation[0] == messages.REFERENCE:
                continue  # another domain: an integration of its own
            elif given == messages.NOTICE_OF_DISCONNECTION:
                notice = messages.answer(data, operation, controls)
                raise LineLost(f"the directory hung up: {notice.code} {notice.text}")
            elif given != number:
                raise LineLost("an answer to another request")
            else:
                return messages.answer(data, operation, controls)

    async def _message(self) -> bytes:
        while (end := ber.whole(self._arrived)) is None:
            self._arrived += await self._more()
        data = bytes(memoryview(self._arrived)[:end])
        del self._arrived[:end]
        return data

    async def _more(self) -> bytes:
        chunk = await self._reader.read(CHUNK)
        if not chunk:
            raise LineLost("the directory closed the connection")
        if self._seal is None:
            return chunk
        self._sealed += chunk
        return self._seal.unwrap(self._sealed)

    def _send(self, operation: bytes, controls: Sequence[bytes] = ()) -> int:
        self._number += 1
        said = messages.message(self._number, operation, controls)
        self._writer.write(self._seal.wrap(said) if self._seal else said)
        return self._number

    def _in_time(self) -> asyncio.Timeout:
        return asyncio.timeout(self._seconds)
