"""What a Windows controller has and Samba has not: MaxPageSize, MaxValRange, and connections that are cut half-way.

A proxy that ends TLS on both sides and looks into every message.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from halo_agent.directories import ber, controls, messages
from halo_sandbox.services.domain_controller import PrivateDomain

SIZE_LIMIT = 4
BUSY = 51


@dataclass(slots=True)
class Limits:
    """The limits, and levers that work once."""

    page: int = 1000
    values: int = 1500
    cut_after: int | None = None
    """Entries until the line is cut."""
    busy: int = 0
    """Searches that are answered `busy`."""
    searches: list[bytes] = field(default_factory=list)
    """Every search that came, as it was sent."""
    ranges: int = 0
    """Entries of which not every value was handed out."""


@dataclass(slots=True)
class _Line:
    """One connection through the proxy."""

    limits: Limits
    near: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    far: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    unpaged: dict[int, int] = field(default_factory=dict)
    """Entries given so far to searches that asked for no pages."""

    async def ask(self) -> None:
        async for data in _messages(self.near[0]):
            number, operation, _ = messages.parts_of(data)
            if operation[0] == messages.SEARCH:
                self.limits.searches.append(data)
                if self.limits.busy:
                    self.limits.busy -= 1
                    self.near[1].write(_done(number, BUSY))
                    continue
                if controls.PAGED.encode() not in data and controls.DIRSYNC.encode() not in data:
                    self.unpaged[number] = 0
            self.far[1].write(data)

    async def answer(self) -> None:
        async for data in _messages(self.far[0]):
            number, operation, _ = messages.parts_of(data)
            given = data
            if operation[0] == messages.ENTRY:
                if self.limits.cut_after is not None:
                    self.limits.cut_after -= 1
                    if self.limits.cut_after < 0:
                        self.limits.cut_after = None
                        return
                if number in self.unpaged:
                    self.unpaged[number] += 1
                    if self.unpaged[number] > self.limits.page:
                        continue
                given = self._ranged(number, data, operation)
            elif self.unpaged.pop(number, 0) > self.limits.page:
                given = _done(number, SIZE_LIMIT)
            self.near[1].write(given)
            await self.near[1].drain()

    def _ranged(self, number: int, data: bytes, operation: ber.Element) -> bytes:
        """The entry with no more values of an attribute than are handed out at a time."""
        entry = messages.entry(data, operation)
        most = self.limits.values
        if all(len(values) <= most for values in entry.attributes.values()):
            return data
        self.limits.ranges += 1
        attributes = []
        for name, values in entry.attributes.items():
            plain, _, span = name.partition(";range=")
            first = int(span.partition("-")[0]) if span else 0
            if len(values) > most:
                if not span:
                    attributes.append(_attribute(plain, []))
                attributes.append(
                    _attribute(f"{plain};range={first}-{first + most - 1}", list(values[:most]))
                )
            else:
                attributes.append(_attribute(name, list(values)))
        body = ber.element(messages.ENTRY, ber.octets(entry.dn), ber.element(ber.SEQUENCE, *attributes))
        return messages.message(number, body)


@asynccontextmanager
async def limited(domain: PrivateDomain) -> AsyncIterator[tuple[str, Limits]]:
    """The `controllers` entry of a proxy before this domain's controller, and its limits."""
    limits = Limits()
    to_samba = ssl.create_default_context(cafile=domain.ca_file)
    as_samba = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    as_samba.load_cert_chain(domain.folder / "tls/server.pem", domain.folder / "tls/server.key")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = await asyncio.open_connection(domain.address, 636, ssl=to_samba)
        line = _Line(limits, (reader, writer), far)
        tasks = [asyncio.create_task(line.ask()), asyncio.create_task(line.answer())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for end in (writer, far[1]):
            end.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=as_samba)
    try:
        yield f"localhost:{server.sockets[0].getsockname()[1]}", limits
    finally:
        server.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await server.wait_closed()


async def _messages(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    arrived = b""
    while chunk := await reader.read(65536):
        arrived += chunk
        while (end := ber.whole(arrived)) is not None:
            yield arrived[:end]
            arrived = arrived[end:]


def _attribute(name: str, values: list[bytes]) -> bytes:
    return ber.element(ber.SEQUENCE, ber.octets(name), ber.element(ber.SET, *map(ber.octets, values)))


def _done(number: int, code: int) -> bytes:
    result = (ber.integer(code, ber.ENUMERATED), ber.octets(""), ber.octets("said the proxy"))
    return messages.message(number, ber.element(messages.SEARCH_DONE, *result))
