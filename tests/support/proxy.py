"""A TCP proxy whose line a test can cut, silence and restore."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum

from yarl import URL


class Way(Enum):
    """A direction in which words travel."""

    TO_SERVER = "to the server"
    TO_CLIENT = "to the client"


class TcpProxy:
    """Stands between a client and its server; see `tcp_proxy`."""

    def __init__(self, server: str) -> None:
        self._to = URL(server)
        self._open = True
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._swallowed: Way | None = None
        self._instead: tuple[bytes, bytes] = b"", b""
        self.half_dead = False
        """Whether a connection has lost something."""
        self._lines: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The loopback port that clients connect to."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """The server's URL, by way of this proxy."""
        return str(self._to.with_host("127.0.0.1").with_port(self.port))

    def cut(self) -> None:
        """Break every connection, and refuse new ones until `restore`."""
        self._open = False
        for line in self._lines:
            line.cancel()

    def pause(self) -> None:
        """Keep the connections, but let nothing through until `restore`: a server that hangs."""
        self._flowing.clear()

    def swallow(self, way: Way) -> None:
        """Lose what is said one way, until `restore`; what is said the other way still arrives.

        A connection that has lost something stays silent that way for ever, as behind a firewall that forgot it: only
        a new one is of use.
        """
        self._swallowed = way

    def alter(self, said: bytes, heard: bytes) -> None:
        """Let the client hear this wherever the server says that, until `restore`."""
        self._instead = said, heard

    def restore(self) -> None:
        """Let clients connect and bytes pass again."""
        self._open = True
        self._swallowed = None
        self._instead = b"", b""
        self._flowing.set()

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Break every connection and listen no more."""
        self.cut()
        await asyncio.gather(*self._lines, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            await _hang_up(writer)
            return
        line = asyncio.create_task(self._connect(reader, writer))
        self._lines.add(line)
        line.add_done_callback(self._lines.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self._to.host, self._to.port)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pump(reader, far_writer, Way.TO_SERVER))
                    both.create_task(self._pump(far_reader, writer, Way.TO_CLIENT))
            finally:
                await _hang_up(far_writer)
        finally:
            await _hang_up(writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
        has_lost = False
        try:
            while data := await reader.read(65536):
                await self._flowing.wait()
                has_lost = has_lost or self._swallowed is way
                if way is Way.TO_CLIENT and all(self._instead):
                    data = data.replace(*self._instead)
                if has_lost:
                    self.half_dead = True
                else:
                    writer.write(data)
                    await writer.drain()
            writer.write_eof()
        except OSError:
            writer.transport.abort()  # what broke on one side breaks on the other


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@asynccontextmanager
async def tcp_proxy(server: str) -> AsyncIterator[TcpProxy]:
    """A proxy in front of the server at this URL, for the length of a `with`."""
    proxy = TcpProxy(server)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
