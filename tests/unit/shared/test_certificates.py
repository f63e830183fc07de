"""When certificates end, as real handshakes show it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from yarl import URL

from halo_sandbox.services.certificates import Certificates as Made
from halo_shared.certificates import FORGOTTEN_AFTER, MOST, SEEN, Certificates, watched
from halo_shared.clock import SystemClock
from halo_shared.errors import BrokerUnavailable
from halo_shared.transport.amqp import AmqpTransport, tls
from tests.support.clock import ManualClock
from tests.support.services import needed


def made(folder: Path, days: int) -> Made:
    folder.mkdir()
    with needed():
        return Made.fresh(folder, days=days)


@asynccontextmanager
async def showing(certificates: Made) -> AsyncIterator[int]:
    """A server that shows this certificate, and says nothing; gives its port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.certificate, certificates.key)

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


async def by_line(port: int, context: ssl.SSLContext) -> None:
    _, writer = await asyncio.open_connection("localhost", port, ssl=context, server_hostname="localhost")
    writer.transport.abort()


async def by_http(port: int, context: ssl.SSLContext) -> None:
    async with httpx.AsyncClient(verify=context, trust_env=False) as http:
        with suppress(httpx.RequestError):  # whoever listens hangs up
            await http.get(f"https://localhost:{port}/")


async def as_broker(port: int, context: ssl.SSLContext) -> None:
    await tls.look(URL(f"amqps://localhost:{port}"), context)


@pytest.mark.parametrize("connect", [by_line, by_http, as_broker])
async def test_a_handshake_shows_when_a_certificate_ends_and_the_next_that_it_was_renewed(
    tmp_path: Path, connect: Callable[[int, ssl.SSLContext], Awaitable[None]]
) -> None:
    seen = Certificates(SystemClock())
    for days in (5, 90):
        shown = made(tmp_path / f"{days}", days)
        async with showing(shown) as port:
            context = ssl.create_default_context(cafile=shown.authority)
            await connect(port, watched(context, "Halo", seen))
        (end,) = seen.nearest()
        assert (end.of, end.address) == ("Halo", "localhost")
        assert abs(end.ends - SystemClock().now() - timedelta(days=days)) < timedelta(minutes=5)


async def test_a_broker_whose_url_says_whom_to_believe_is_seen(tmp_path: Path) -> None:
    shown = made(tmp_path / "certificates", 9)
    async with showing(shown) as port:
        url = f"amqps://localhost:{port}/?cafile={shown.authority}"
        async with AmqpTransport(url, name="test") as transport:
            with pytest.raises(BrokerUnavailable):
                await transport.ready(patience=1)
    ends = [one.ends for one in SEEN.nearest() if one.of == "the broker"]
    assert abs(ends[0] - SystemClock().now() - timedelta(days=9)) < timedelta(minutes=5)


async def test_what_is_not_verified_is_not_told(tmp_path: Path) -> None:
    seen = Certificates(SystemClock())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with showing(made(tmp_path / "certificates", 5)) as port:
        await by_line(port, watched(context, "Halo", seen))
    assert seen.nearest() == ()


def test_those_that_end_first_are_told_and_what_is_gone_is_forgotten() -> None:
    clock = ManualClock()
    seen = Certificates(clock)
    for number in range(MOST + 5):
        seen.note("Halo", f"{number:02}", clock.now() + timedelta(days=100 - number))
    assert [one.address for one in seen.nearest()] == [f"{MOST + 4 - number:02}" for number in range(MOST)]

    clock.move(FORGOTTEN_AFTER.total_seconds() - 1)
    seen.note("Halo", "01", clock.now())
    clock.move(1)
    assert [one.address for one in seen.nearest()] == ["01"]
