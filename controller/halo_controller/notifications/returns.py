"""The mailbox in which e-mails come back, and the loop that reads it."""

import asyncio
import imaplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from halo_controller.errors import NotFound
from halo_controller.notifications.bounces import Bounce, bounce_in
from halo_controller.notifications.nouns import NotificationState
from halo_controller.store import notifications
from halo_controller.store.database import Database
from halo_controller.ticking import tick_for_ever
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.errors import SettingsInvalid
from halo_shared.redaction import Redactor

log = logs.get(__name__)

TICK: Final = 60.0
TIMEOUT: Final = 30.0
AT_ONCE: Final = 200
"""E-mails in one round."""
MOST_READ: Final = 262_144
"""Bytes of one: what matters of a bounce comes first."""
_PORTS: Final = {"imaps": 993, "imap+plain": 143}


@dataclass(frozen=True, slots=True)
class ReturnBox:
    """A mailbox on an IMAP server."""

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

    @contextmanager
    def opened(self) -> Iterator["imaplib.IMAP4"]:
        """A connection that has chosen the folder; raises OSError, or imaplib's error where it is refused."""
        with self._connected() as client:
            client.login(self.user, self.password.get_secret_value())
            answer, said = client.select(f'"{self.folder}"')
            if answer != "OK":
                raise imaplib.IMAP4.error(f"there is no folder '{self.folder}': {said!r}")
            yield client

    def _connected(self) -> "imaplib.IMAP4":
        if not self.tls:
            return imaplib.IMAP4(self.host, self.port, timeout=TIMEOUT)
        context = ssl.create_default_context(cafile=self.ca)
        return imaplib.IMAP4_SSL(self.host, self.port, ssl_context=context, timeout=TIMEOUT)

    def unread(self, after: int) -> Sequence[tuple[int, bytes]]:
        """E-mails that nobody has read, beyond this number; blocking, and they stay unread."""
        with self.opened() as client:
            _, (found, *_) = client.uid("search", f"UNSEEN UID {after + 1}:*")
            # A server names its last e-mail even where that is not beyond the number.
            numbers = [number for number in map(int, (found or b"").split()) if number > after][:AT_ONCE]
            return [(number, _fetched(client, number)) for number in numbers]

    def mark(self, numbers: Sequence[int]) -> None:
        """These are dealt with; blocking."""
        with self.opened() as client:
            client.uid("store", ",".join(map(str, numbers)), "+FLAGS.SILENT", r"(\Seen)")


class Returns:
    """Looks every minute for what came back; whatever is no bounce of ours is left as it lies, for whoever reads the box."""

    def __init__(self, database: Database, box: ReturnBox, clock: Clock) -> None:
        self._database = database
        self._box = box
        self._clock = clock
        self._redactor = Redactor()
        self._redactor.learn(box.password)
        self._looked_at = 0
        """The number of the last e-mail that was looked at; after a restart all that is unread is looked at once more."""
        self._trouble = ""

    async def run(self) -> None:
        """Look for ever."""
        await tick_for_ever("returns", self.tick, TICK, self._clock)

    async def tick(self) -> None:
        """Write down what became of messages that came back."""
        try:
            found = await asyncio.to_thread(self._box.unread, self._looked_at)
            bounced = [number for number, raw in found if await self._taken(number, raw)]
            if bounced:
                await asyncio.to_thread(self._box.mark, bounced)
        except (OSError, imaplib.IMAP4.error) as error:
            self._tell(self._redactor.scrub(str(error)))
            return
        self._looked_at = max((number for number, _ in found), default=self._looked_at)
        self._tell("")

    async def _taken(self, number: int, raw: bytes) -> bool:
        bounce = bounce_in(raw)
        if isinstance(bounce, str):
            log.debug("mail_left", number=number, why=bounce)
            return False
        try:
            async with self._database.write() as db:
                known = await notifications.get(db, bounce.notification)
                if known.state in (NotificationState.SENT, NotificationState.BOUNCED):
                    await notifications.save(db, known.model_copy(update=self._fate(bounce)))
        except NotFound:
            log.info("bounce_of_nothing", number=number, notification=bounce.notification)
            return False
        log.warning(
            "notification_bounced" if bounce.permanent else "notification_delayed",
            notification=bounce.notification,
            person=known.person,
        )
        return True

    def _fate(self, bounce: Bounce) -> dict[str, object]:
        said = self._redactor.scrub(f"{bounce.recipient}: {bounce.said}")
        if not bounce.permanent:
            return {"result": f"it is delayed on its way to {said}"}
        return {"state": NotificationState.BOUNCED, "result": f"it came back from {said}"}

    def _tell(self, trouble: str) -> None:
        """Once for each change, not once a minute."""
        if trouble and trouble != self._trouble:
            log.warning("bounces_unread", host=self._box.host, folder=self._box.folder, why=trouble)
        elif self._trouble and not trouble:
            log.info("bounces_read_again", host=self._box.host)
        self._trouble = trouble


def _fetched(client: imaplib.IMAP4, number: int) -> bytes:
    _, answer = client.uid("fetch", str(number), f"(BODY.PEEK[]<0.{MOST_READ}>)")
    return next((part[1] for part in answer if isinstance(part, tuple)), b"")
