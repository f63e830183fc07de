"""The way to the directory: its name, its port and its certificate, each with a message of its own.

The driver has one message for all three, and stops the whole program while it waits for a server that is
silent. So the way is tried here before every sign-in.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import SOCK_STREAM, gaierror
from typing import Final

from halo_agent.connectors import CheckStep
from halo_agent.connectors.ldap.settings import LdapSettings
from halo_agent.directories import certificates
from halo_shared.clock import Clock
from halo_shared.errors import HaloIntegratorError, SettingsInvalid, SourceUnavailable

# ExtendedRequest 1.3.6.1.4.1.1466.20037 as message 1 (RFC 4511, 4.14.1)
START_TLS: Final = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + b"1.3.6.1.4.1.1466.20037"
# The result code is the first ENUMERATED of the answer, and one byte long.
RESULT_CODE: Final = b"\x0a\x01"

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def reach(settings: LdapSettings, clock: Clock) -> AsyncIterator[CheckStep]:
    """Each stage on the way as it succeeds; raises at the first that fails."""
    yield CheckStep("resolve", await _resolve(settings))
    async with _line(settings):
        yield CheckStep("connect", f"port {settings.port} answers")
    if settings.encrypted:
        yield CheckStep("tls", await _prove(settings, clock))
    else:
        yield CheckStep("tls", "not used: the password crosses the network in clear")


async def _resolve(settings: LdapSettings) -> str:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(settings.seconds):
            found = await loop.getaddrinfo(settings.host, settings.port, type=SOCK_STREAM)
    except (gaierror, UnicodeError, TimeoutError) as error:
        raise SourceUnavailable(
            f"No address is known for '{settings.host}': correct the host in 'url', "
            "or have the name added to the DNS that the agent's machine uses.",
            detail=str(error),
        ) from error
    addresses = dict.fromkeys(str(address[0]) for *_, address in found)
    return f"{settings.host} is {', '.join(addresses)}"


@asynccontextmanager
async def _line(settings: LdapSettings) -> AsyncIterator[Line]:
    """A connection, not yet encrypted."""
    place = f"{settings.host} port {settings.port}"
    try:
        async with asyncio.timeout(settings.seconds):
            reader, writer = await asyncio.open_connection(settings.host, settings.port)
    except TimeoutError as error:
        raise SourceUnavailable(
            f"{place} does not answer: is the host up, and does every firewall on the way let the agent through?"
        ) from error
    except OSError as error:
        raise SourceUnavailable(
            f"{place} refuses connections: is the directory running, and is the port in 'url' right? "
            "Usual are 636 for ldaps:// and 389 for ldap://.",
            detail=str(error),
        ) from error
    try:
        yield reader, writer
    finally:
        writer.transport.abort()  # after a handshake that failed, nobody ever says that it is closed


async def _prove(settings: LdapSettings, clock: Clock) -> str:
    """What the certificate says by which the directory proved to be the one that was meant."""
    context = await asyncio.to_thread(certificates.demanding, settings.ca_file)
    try:
        session = await _handshake(settings, context)
    except ssl.SSLCertVerificationError as error:
        shown = await _shown(settings)
        raise certificates.refusal(
            error, shown, host=settings.host, named_in="url", ca_file=settings.ca_file
        ) from error
    except OSError as error:  # SSLError and TimeoutError are, too
        raise _not_encrypted(error, settings) from error
    return certificates.described(session.getpeercert() or {}, clock)


def _not_encrypted(error: OSError, settings: LdapSettings) -> HaloIntegratorError:
    port = f"port {settings.port} of {settings.host}"
    cure = (
        "use ldaps:// in 'url' if the directory has that, usually on port 636"
        if settings.upgrades
        else "give the port that has it, usually 636, or use ldap:// in 'url' for StartTLS"
    )
    if isinstance(error, TimeoutError):
        return SourceUnavailable(
            f"Whoever listens on {port} takes connections and then is silent: "
            "is that port the directory's, and is the directory well?"
        )
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return SettingsInvalid(f"There is no TLS on {port}: {cure}.", detail=str(error))
    return SourceUnavailable(
        f"The TLS handshake on {port} was broken off. If that lasts, there is no TLS on it: {cure}.",
        detail=str(error),
    )


async def _shown(settings: LdapSettings) -> certificates.Certificate:
    """The certificate that the directory shows, true or not: to speak of it, not to rely on it."""
    try:
        first = await _handshake(settings, certificates.believing_anything())
        der = first.getpeercert(binary_form=True) or b""
        # Python decodes a certificate only after it was verified, so this one now vouches for itself.
        second = await _handshake(settings, certificates.believing_only(der))
    except (HaloIntegratorError, OSError):
        return {}
    return second.getpeercert() or {}


async def _handshake(settings: LdapSettings, context: ssl.SSLContext) -> ssl.SSLObject:
    """What a new connection was encrypted with; the connection itself is closed again."""
    async with _line(settings) as (reader, writer), asyncio.timeout(settings.seconds):
        if settings.upgrades:
            await _ask_for_tls(settings, reader, writer)
        await writer.start_tls(context, server_hostname=settings.host)
        session: ssl.SSLObject = writer.get_extra_info("ssl_object")
        return session


async def _ask_for_tls(
    settings: LdapSettings, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(START_TLS)
    await writer.drain()
    answer = await reader.read(4096)
    if not answer:
        raise ConnectionResetError("closed instead of an answer to StartTLS")
    _, _, rest = answer.partition(RESULT_CODE)
    if rest[:1] != b"\0":
        raise SettingsInvalid(
            f"{settings.host} offers no StartTLS on port {settings.port}: use ldaps:// in 'url', "
            "usually on port 636, or have StartTLS set up at the directory."
        )
