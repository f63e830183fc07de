"""A private mail server: TLS and a login are required, and it can be told to refuse."""

import asyncio
import email
import email.policy
import logging
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from halo_sandbox.services import processes
from halo_sandbox.services.certificates import Certificates

USER: Final = "halo"
PASSWORD: Final = "s3cret/with@signs"  # noqa: S105  guards nothing

Theirs = Any  # Any: aiosmtpd says no more of what it hands its handlers


class Mailbox:
    """What arrived, and what is to be refused."""

    def __init__(self, port: int, authority: Path, *, implicit_tls: bool) -> None:
        self.port = port
        self.authority = authority
        """Who vouches for its certificate."""
        self.messages: list[EmailMessage] = []
        self.refusals: dict[str, str] = {}
        """Addresses, and what the server says instead of taking mail for them."""
        self._implicit_tls = implicit_tls

    def url(self, *, password: str = PASSWORD) -> str:
        """As a controller's setting names it."""
        scheme = "smtps" if self._implicit_tls else "smtp"
        return f"{scheme}://{USER}:{quote(password, safe='')}@127.0.0.1:{self.port}"

    def to(self, address: str) -> list[EmailMessage]:
        """What has come for this address, in order."""
        return [message for message in self.messages if message["To"] == address]

    # aiosmtpd calls these two by their names.
    async def handle_RCPT(  # noqa: N802
        self, _server: Theirs, _session: Theirs, envelope: Theirs, address: str, _options: list[str]
    ) -> str:
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Theirs, session: Theirs, envelope: Theirs) -> str:  # noqa: N802
        if not (session.ssl or self._implicit_tls):
            return "530 5.7.0 Must issue a STARTTLS command first"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        if isinstance(message, EmailMessage):
            self.messages.append(message)
        return "250 2.0.0 queued"


def text_of(message: EmailMessage) -> str:
    """The message as somebody without HTML reads it."""
    body = message.get_body(("plain",))
    return str(body.get_content()) if body else ""


@contextmanager
def private_mailbox(*, implicit_tls: bool = False) -> Iterator[Mailbox]:
    """A server on a port of its own, in a thread of its own."""
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # it warns of every login
    with tempfile.TemporaryDirectory(prefix="halo-mail-") as folder:
        certificates = Certificates.fresh(Path(folder))
        (port,) = processes.free_ports(1)
        mailbox = Mailbox(port, certificates.authority, implicit_tls=implicit_tls)
        loop = asyncio.new_event_loop()
        server = Controller(
            mailbox,
            hostname="127.0.0.1",
            port=port,
            loop=loop,
            authenticator=_authenticate,
            auth_required=True,
            **_tls(certificates, implicit=implicit_tls),
        )
        server.start()
        try:
            yield mailbox
        finally:
            server.stop()
            loop.close()


def _tls(certificates: Certificates, *, implicit: bool) -> dict[str, Theirs]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.certificate, certificates.key)
    if implicit:
        return {"ssl_context": context, "auth_require_tls": False}
    return {"tls_context": context, "require_starttls": True}


def _authenticate(
    _server: Theirs, _session: Theirs, _envelope: Theirs, _mechanism: str, data: Theirs
) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    if known:
        return AuthResult(success=True, auth_data=USER)
    return AuthResult(success=False, handled=False, message="535 5.7.8 Authentication credentials invalid")
