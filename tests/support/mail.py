"""A real mail server for tests: TLS and a login are required, and it can be told to refuse."""

import asyncio
import email
import email.policy
import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from halo_sandbox.services.certificates import Certificates

USER: Final = "halo"
PASSWORD: Final = "s3cret/with@signs"


class MailServer:
    """What arrived, and what is to be refused."""

    def __init__(self, port: int, authority: Path, *, implicit_tls: bool) -> None:
        self.implicit_tls = implicit_tls
        self.port = port
        self.authority = authority
        self.messages: list[EmailMessage] = []
        self.refusals: dict[str, str] = {}
        """Addresses, and what the server says instead of taking mail for them."""

    def url(self, *, scheme: str = "smtp", password: str = PASSWORD) -> str:
        """As a controller's setting names it."""
        quoted = password.replace("/", "%2F").replace("@", "%40")
        return f"{scheme}://{USER}:{quoted}@127.0.0.1:{self.port}"

    # aiosmtpd calls these by their names.
    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        assert session.ssl or self.implicit_tls, "a message came without TLS"
        assert session.auth_data == USER
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 2.0.0 queued"


@contextmanager
def mail_server(folder: Path, *, implicit_tls: bool = False) -> Iterator[MailServer]:
    """A server on a port of its own, in a thread of its own."""
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # it warns of every login
    certificates = Certificates.fresh(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.certificate, certificates.key)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = MailServer(port, certificates.authority, implicit_tls=implicit_tls)
    how = (
        {"ssl_context": context, "auth_require_tls": False}
        if implicit_tls
        else {"tls_context": context, "require_starttls": True}
    )
    running = Controller(
        server,
        hostname="127.0.0.1",
        port=port,
        authenticator=_authenticate,
        auth_required=True,
        loop=asyncio.new_event_loop(),
        **how,
    )
    running.start()
    try:
        yield server
    finally:
        running.stop()
        running.loop.close()


def _authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    if known:
        return AuthResult(success=True, auth_data=USER)
    return AuthResult(success=False, handled=False, message="535 5.7.8 Authentication credentials invalid")
