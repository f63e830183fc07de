"""E-mail over SMTP: text and HTML, one thread per incident."""

import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr
from html import escape
from pathlib import Path
from typing import Final, Self
from urllib.parse import unquote, urlsplit

import aiosmtplib
from pydantic import SecretStr

from halo_controller.notifications.channels import Delivered, NotReached, NotTaken
from halo_controller.notifications.letters import PRODUCT, Letter, Section, letter
from halo_controller.notifications.message_ids import HEADER, Opening, message_id, name_of
from halo_controller.notifications.nouns import Notification, Occasion
from halo_shared.certificates import watched
from halo_shared.errors import SettingsInvalid

TIMEOUT: Final = 30.0
# Every mail server takes 7bit. At 78 characters Python would fold a subject before its first word.
_POLICY: Final = SMTP.clone(cte_type="7bit", max_line_length=900)
_PORTS: Final = {"smtp": 587, "smtps": 465, "smtp+plain": 25}


@dataclass(frozen=True, slots=True)
class MailServer:
    """How e-mail leaves: a server, an account, and the address that it comes from."""

    host: str
    port: int
    implicit_tls: bool
    start_tls: bool
    sender: str
    user: str | None = None
    password: SecretStr | None = None
    ca: Path | None = None

    @classmethod
    def read(cls, url: str, sender: str, ca: Path | None = None) -> Self:
        """The server that this URL names; raises SettingsInvalid with the form that is wanted."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise SettingsInvalid(
                "HALO_CONTROLLER_MAIL_URL is not the URL of a mail server: write smtp://USER:PASSWORD@HOST:587 "
                "(STARTTLS), smtps://... (TLS from the start) or smtp+plain://... (no TLS at all)"
            )
        return cls(
            host=parts.hostname,
            port=parts.port or _PORTS[parts.scheme],
            implicit_tls=parts.scheme == "smtps",
            start_tls=parts.scheme == "smtp",
            sender=sender,
            user=unquote(parts.username) if parts.username else None,
            password=SecretStr(unquote(parts.password)) if parts.password else None,
            ca=ca,
        )

    @property
    def domain(self) -> str:
        """The part of the sender's address that makes ids of messages unique."""
        return parseaddr(self.sender)[1].partition("@")[2] or "localhost"


async def send(server: MailServer, notification: Notification, address: str) -> Delivered:
    """Hand the message to the mail server; raises NotReached, or NotTaken when the address is refused for good."""
    message = compose(notification, address, server)
    try:
        _, said = await aiosmtplib.send(
            message.as_bytes(policy=_POLICY),
            sender=parseaddr(server.sender)[1],
            recipients=[address],
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password.get_secret_value() if server.password else None,
            use_tls=server.implicit_tls,
            start_tls=server.start_tls,
            tls_context=watched(ssl.create_default_context(cafile=server.ca), "the mail server")
            if server.start_tls or server.implicit_tls
            else None,
            timeout=TIMEOUT,
        )
    except aiosmtplib.SMTPRecipientsRefused as refused:
        first = refused.recipients[0]
        raise _refusal(server, first.code, first.message, f"does not take mail for {address}") from refused
    except aiosmtplib.SMTPAuthenticationError as error:
        # A person mends the password; until then the messages wait.
        raise NotReached(
            f"The mail server {server.host} refuses the user name or password ({error.code} {error.message}). "
            "Correct HALO_CONTROLLER_MAIL_URL."
        ) from error
    except aiosmtplib.SMTPResponseException as error:
        raise _refusal(server, error.code, error.message, "does not take the message") from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise NotReached(f"The mail server {server.host}:{server.port} cannot be used: {error}") from error
    return Delivered(said)


def _refusal(server: MailServer, code: int, said: str, what: str) -> NotTaken | NotReached:
    text = f"The mail server {server.host} {what}: {code} {said}"
    return NotTaken(text) if code >= 500 else NotReached(text)


def compose(notification: Notification, address: str, server: MailServer) -> EmailMessage:
    """The message as an e-mail."""
    said = letter(notification)
    message = EmailMessage()
    message["Subject"] = said.subject
    name, sender = parseaddr(server.sender)
    message["From"] = formataddr((name or PRODUCT, sender))
    message["To"] = address
    message["Date"] = format_datetime(notification.created_at)
    message["Message-ID"] = message_id(name_of(notification), server.domain)
    message["Auto-Submitted"] = "auto-generated"
    message[HEADER] = notification.id
    _thread(message, notification, server.domain)
    message.set_content(plain(said))
    message.add_alternative(html(said), subtype="html")
    return message


def _thread(message: EmailMessage, notification: Notification, domain: str) -> None:
    """Join what was said of the incident before."""
    match notification.topics:
        case [topic] if topic.occasion is not Occasion.OPENED:
            opening = message_id(Opening(topic.incident.id, notification.person), domain)
            message["In-Reply-To"] = message["References"] = opening


def plain(said: Letter) -> str:
    """The letter as text."""
    return "\n".join([*(line for section in said.sections for line in _lines(section)), said.why, ""])


def _lines(section: Section) -> list[str]:
    wide = max(len(name) for name, _ in section.facts)
    return [
        f"{section.word}: {section.title}",
        "",
        section.text,
        *(("", f"What to do: {section.advice}") if section.advice else ()),
        "",
        *(f"  {name:<{wide}}  {value}" for name, value in section.facts),
        "",
    ]


def html(said: Letter) -> str:
    """The letter as HTML, in the few tags that every mail program shows."""
    sections = "".join(_block(section) for section in said.sections)
    return (
        '<!DOCTYPE html><html><body style="font-family:sans-serif;font-size:14px;color:#222">'
        f'{sections}<p style="color:#777;font-size:12px">{escape(said.why)}</p></body></html>'
    )


def _block(section: Section) -> str:
    colour = "#2e7d32" if section.well else "#c62828"
    rows = "".join(
        f'<tr><td style="color:#777;padding-right:12px;vertical-align:top">{escape(name)}</td><td>{escape(value)}</td></tr>'
        for name, value in section.facts
    )
    advice = f"<p><b>What to do:</b> {escape(section.advice)}</p>" if section.advice else ""
    return (
        f'<div style="border-left:4px solid {colour};padding-left:12px;margin-bottom:16px">'
        f'<p style="color:{colour}"><b>{escape(section.word)}: {escape(section.title)}</b></p>'
        f"<p>{escape(section.text)}</p>{advice}<table>{rows}</table></div>"
    )
