"""The loop that looks for e-mails that came back."""

import asyncio
import imaplib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from halo_controller.notifications.bounces import Bounce, bounce_in
from halo_controller.notifications.fates import after_bounce, returned
from halo_controller.notifications.nouns import Notification
from halo_controller.notifications.retrying import GIVEN_UP_AFTER
from halo_controller.notifications.return_box import Place, ReturnBox
from halo_controller.store import notifications
from halo_controller.store.database import Database
from halo_controller.ticking import tick_for_ever
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.redaction import Redactor

log = logs.get(__name__)

TICK: Final = 60.0
MOST_EARLY: Final = 200
"""Bounces that wait until something can be noted of their messages."""


@dataclass(frozen=True, slots=True)
class _Early:
    """A bounce that came before its message was noted as sent."""

    bounce: Bounce
    why: str
    since: datetime


class Returns:
    """Looks every minute for what came back; whatever is no bounce of ours is left as it lies, for whoever reads the box."""

    def __init__(self, database: Database, box: ReturnBox, clock: Clock) -> None:
        self._database = database
        self._box = box
        self._clock = clock
        self._redactor = Redactor()
        self._redactor.learn(box.password)
        self._place = Place()
        """After a restart all that is unread is looked at once more."""
        self._early: dict[int, _Early] = {}
        self._unmarked: set[int] = set()
        """Numbers of e-mails that are dealt with, of which the server does not know yet."""
        self._trouble = ""

    async def run(self) -> None:
        """Look for ever."""
        await tick_for_ever("returns", self.tick, TICK, self._clock)

    async def tick(self) -> None:
        """Write down what became of messages that came back."""
        try:
            await self._look()
            if self._unmarked:
                await asyncio.to_thread(self._box.mark, self._place.life, self._unmarked)
                self._unmarked.clear()
        except (OSError, imaplib.IMAP4.error) as error:
            self._tell(self._redactor.scrub(str(error)))
        else:
            self._tell("")

    async def _look(self) -> None:
        place, mails = await asyncio.to_thread(self._box.unread, self._place)
        if place.life != self._place.life:
            self._early.clear()
            self._unmarked.clear()
        for number, early in list(self._early.items()):
            await self._settle(number, early.bounce)
        for number, raw in mails:
            bounce = bounce_in(raw)
            if isinstance(bounce, Bounce):
                await self._settle(number, replace(bounce, said=self._redactor.scrub(bounce.said)))
            else:
                log.debug("mail_left", number=number, why=bounce)
        self._place = place
        self._leave_what_waits_too_long()

    async def _settle(self, number: int, bounce: Bounce) -> None:
        """Note what became of the message; where that is too early, the bounce waits."""
        now = self._clock.now()
        async with self._database.write() as db:
            known = returned(bounce, await notifications.named(db, bounce.message))
            after = after_bounce(known, bounce, now) if known else None
            if isinstance(after, Notification) and after != known:
                await notifications.save(db, after)
        if isinstance(after, str):
            if number not in self._early:
                log.info("bounce_waits", number=number, message=str(bounce.message), why=after)
                self._early[number] = _Early(bounce, after, now)
            return
        self._early.pop(number, None)
        if after is None:
            log.info("bounce_of_nothing", number=number, message=str(bounce.message))
            return
        self._unmarked.add(number)
        if after != known:
            log.warning(
                "notification_bounced" if bounce.permanent else "notification_delayed",
                notification=after.id,
                person=after.person,
            )

    def _leave_what_waits_too_long(self) -> None:
        """And what is one too many; it stays unread, for people."""
        now, surplus = self._clock.now(), len(self._early) - MOST_EARLY
        for place, (number, early) in enumerate(list(self._early.items())):
            if place < surplus or now - early.since > GIVEN_UP_AFTER:
                log.warning("bounce_left", number=number, message=str(early.bounce.message), why=early.why)
                del self._early[number]

    def _tell(self, trouble: str) -> None:
        """Once for each change, not once a minute."""
        if trouble and trouble != self._trouble:
            log.warning("bounces_unread", host=self._box.host, folder=self._box.folder, why=trouble)
        elif self._trouble and not trouble:
            log.info("bounces_read_again", host=self._box.host)
        self._trouble = trouble
