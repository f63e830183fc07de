"""Signing in with Kerberos (SASL GSSAPI, RFC 4752): by a keytab, or as the account the agent runs under.

The library waits for the domain's key service, so every step is made in a thread.
"""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import spnego
from spnego.channel_bindings import GssChannelBindings

from halo_agent.directories.connection import Connection

MECHANISM: Final = "GSSAPI"
NO_LAYER: Final = 1
SEALED: Final = 4
LARGEST: Final = 0xFFFFFF
"""The largest sealed message that a length of three bytes can announce."""
PREFIX: Final = 4

ResultT = TypeVar("ResultT")


class NoTicket(Exception):
    """Kerberos gave no ticket, or refused the directory's."""


class Sealing:
    """Every message in an envelope of the session's own key."""

    def __init__(self, context: spnego.ContextProxy) -> None:
        self._context = context

    def wrap(self, data: bytes) -> bytes:
        """One envelope."""
        sealed = self._context.wrap(data, encrypt=True).data
        return len(sealed).to_bytes(PREFIX) + sealed

    def unwrap(self, data: bytearray) -> bytes:
        """All envelopes that have arrived whole, opened."""
        opened = b""
        while len(data) >= PREFIX:
            end = PREFIX + int.from_bytes(data[:PREFIX])
            if len(data) < end:
                break
            opened += self._context.unwrap(bytes(data[PREFIX:end])).data
            del data[:end]
        return opened


async def sign_in(connection: Connection, *, principal: str | None, keytab: Path | None) -> None:
    """Sign in over this line, sealing it when it has no TLS; raises NoTicket or Refused."""
    context = await asyncio.to_thread(_told, _context, connection, principal, keytab)
    offer = _told(context.unwrap, await _tickets(connection, context)).data
    chosen = NO_LAYER if connection.certificate else SEALED
    if not offer or not offer[0] & chosen:
        raise NoTicket("the directory offers no protection that this connection can use")
    choice = bytes((chosen,)) + (LARGEST if chosen == SEALED else 0).to_bytes(3)
    await connection.bind_step(MECHANISM, context.wrap(choice, encrypt=False).data)
    if chosen == SEALED:
        connection.seal_with(Sealing(context))


async def _tickets(connection: Connection, context: spnego.ContextProxy) -> bytes:
    """The dialogue up to the directory's offer of protection, which is still wrapped."""
    token, ours_is_done = await asyncio.to_thread(_told, _step, context, None)
    while True:
        answer = await connection.bind_step(MECHANISM, token)
        if ours_is_done:
            return answer.credentials
        token, ours_is_done = await asyncio.to_thread(_told, _step, context, answer.credentials)


def _told(work: Callable[..., ResultT], *values: object) -> ResultT:
    """What the library gives, or its refusal in its own words."""
    try:
        return work(*values)
    except Exception as error:  # each platform's library has exceptions of its own
        raise NoTicket(str(error)) from error


def _step(context: spnego.ContextProxy, heard: bytes | None) -> tuple[bytes, bool]:
    """Our next turn, and whether it is the last."""
    token = context.step(heard)
    return token or b"", context.complete


def _context(connection: Connection, principal: str | None, keytab: Path | None) -> spnego.ContextProxy:
    wanted = spnego.ContextReq.mutual_auth | spnego.ContextReq.integrity | spnego.ContextReq.sequence_detect
    if not connection.certificate:
        wanted |= spnego.ContextReq.confidentiality
    who = spnego.KerberosKeytab(keytab=str(keytab), principal=principal) if keytab else None
    return spnego.client(
        username=[who] if who else principal,
        hostname=connection.host,
        service="ldap",
        protocol="kerberos",
        context_req=wanted,
        channel_bindings=_bindings(connection.certificate),
    )


def _bindings(certificate: bytes) -> GssChannelBindings | None:
    """The sign-in tied to this TLS line (RFC 5929), so that nobody in between can pass it on."""
    if not certificate:
        return None
    end_point = b"tls-server-end-point:" + hashlib.sha256(certificate).digest()
    return GssChannelBindings(application_data=end_point)
