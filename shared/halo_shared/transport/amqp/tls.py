"""TLS to the broker, as its URL asks for it, with an eye on the certificate."""

import asyncio
import ssl
from typing import Final

from yarl import URL

from halo_shared import logs
from halo_shared.certificates import watched

log = logs.get(__name__)

LOOK_EVERY: Final = 6 * 3600.0
"""Seconds between looks at the certificate: a connection lasts for months, and shows what it began with."""
LOOK_WITHIN: Final = 10.0
_PORT: Final = 5671


def tls_of(url: URL) -> ssl.SSLContext | None:
    """Whom to believe to be the broker, by the client library's own words in the URL; None without TLS."""
    if url.scheme != "amqps":
        return None
    asked = url.query
    context = ssl.create_default_context(
        cafile=asked.get("cafile"), capath=asked.get("capath"), cadata=asked.get("cadata")
    )
    if certificate := asked.get("certfile"):
        context.load_cert_chain(certificate, asked.get("keyfile"))
    if asked.get("no_verify_ssl", "0") != "0":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return watched(context, "the broker")


async def keep_looking(url: URL) -> None:
    """See the certificate that the broker shows to whoever comes, again and again."""
    while context := tls_of(url):
        await asyncio.sleep(LOOK_EVERY)
        await look(url, context)


async def look(url: URL, context: ssl.SSLContext) -> None:
    """One handshake, and no more: the broker takes it for a line that was cut."""
    try:
        async with asyncio.timeout(LOOK_WITHIN):
            _, writer = await asyncio.open_connection(
                url.host, url.port or _PORT, ssl=context, server_hostname=url.host
            )
    except OSError as error:  # who needs the broker will tell
        log.info("certificate_not_seen", broker=url.host, why=str(error) or type(error).__name__)
    else:
        writer.transport.abort()
