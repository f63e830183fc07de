"""The mailbox in which e-mails come back."""

import imaplib
import ssl
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from halo_shared.errors import SettingsInvalid

TIMEOUT: Final = 30.0
AT_ONCE: Final = 200
"""E-mails that are handed out together."""
MOST_READ: Final = 262_144
"""Bytes of one: what matters of a bounce comes first."""
_PORTS: Final = {"imaps": 993, "imap+plain": 143}


@dataclass(frozen=True, slots=True)
class Place:
    """How far a mailbox was looked through."""

    life: int = 0
    """Its UIDVALIDITY: numbers mean nothing in another."""
    number: int = 0
    """The UID of the last e-mail that was looked at."""


@dataclass(frozen=True, slots=True)
class ReturnBox:
    """A mailbox on an IMAP server; all that reaches it blocks, and raises OSError, or imaplib's error for a refusal."""

    host: str
    port: int
    tls: bool
    folder: str
    user: str
    password: SecretStr
    ca: Path | None = None

    @classmethod
    def read(cls, url: str, ca: Path | None = None) -> Self:
        """The mailbox that this URL names; raises SettingsInvalid with the form that is wanted."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or not parts.username:
            raise SettingsInvalid(
                "HALO_CONTROLLER_BOUNCES_URL is not the URL of a mailbox: write imaps://USER:PASSWORD@HOST/INBOX, "
                "or imap+plain://... (no TLS at all)"
            )
        return cls(
            host=parts.hostname,
            port=parts.port or _PORTS[parts.scheme],
            tls=parts.scheme == "imaps",
            folder=unquote(parts.path.lstrip("/")) or "INBOX",
            user=unquote(parts.username),
            password=SecretStr(unquote(parts.password or "")),
            ca=ca,
        )

    def unread(self, after: Place) -> tuple[Place, Sequence[tuple[int, bytes]]]:
        """E-mails that nobody has read, beyond this place, with their numbers; they stay unread.

        A mailbox that was made anew since is looked through from its beginning.
        """
        with self._opened() as client:
            life = _life(client)
            reached = after.number if after.life == life else 0
            (found, *_) = _granted(client.uid("search", f"UNSEEN UID {reached + 1}:*"), "search")
            # A server names its last e-mail even where that is not beyond the number.
            numbers = [number for number in map(int, (found or b"").split()) if number > reached][:AT_ONCE]
            mails = [(number, _fetched(client, number)) for number in numbers]
            return Place(life, max(numbers, default=reached)), mails

    def mark(self, life: int, numbers: Collection[int]) -> None:
        """These e-mails are dealt with; nothing is done in another life of the mailbox."""
        with self._opened() as client:
            if _life(client) == life:
                wanted = ",".join(map(str, sorted(numbers)))
                _granted(client.uid("store", wanted, "+FLAGS.SILENT", r"(\Seen)"), "mark e-mails as read")

    @contextmanager
    def _opened(self) -> Iterator["imaplib.IMAP4"]:
        """A connection that has chosen the folder."""
        with self._connected() as client:
            client.login(self.user, self.password.get_secret_value())
            _granted(client.select(f'"{self.folder}"'), f"open the folder '{self.folder}'")
            yield client

    def _connected(self) -> "imaplib.IMAP4":
        if not self.tls:
            return imaplib.IMAP4(self.host, self.port, timeout=TIMEOUT)
        context = ssl.create_default_context(cafile=self.ca)
        return imaplib.IMAP4_SSL(self.host, self.port, ssl_context=context, timeout=TIMEOUT)


def _granted(reply: tuple[str, list[Any]], what: str) -> list[Any]:  # Any: imaplib's bytes, None and tuples
    answer, said = reply
    if answer != "OK":
        raise imaplib.IMAP4.error(f"the server does not let us {what}: {said!r}")
    return said


def _life(client: imaplib.IMAP4) -> int:
    _, (said, *_) = client.response("UIDVALIDITY")
    return int(said or 0)


def _fetched(client: imaplib.IMAP4, number: int) -> bytes:
    """An e-mail; empty where the server does not hand it out, which shall keep nobody from the others."""
    _, answer = client.uid("fetch", str(number), f"(BODY.PEEK[]<0.{MOST_READ}>)")
    return next((part[1] for part in answer if isinstance(part, tuple)), b"")
