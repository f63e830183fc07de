"""The loop that sends what was written: tried again with patience, and what became of it written down."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from halo_controller.errors import NotFound
from halo_controller.notifications.channels import NotReached
from halo_controller.notifications.nouns import Notification, NotificationState
from halo_controller.notifications.people import Ticket
from halo_controller.notifications.postroom import Postroom
from halo_controller.notifications.retrying import after_failure
from halo_controller.store import notifications, people, tenants
from halo_controller.store.database import Database
from halo_controller.ticking import tick_for_ever
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.errors import HaloIntegratorError, SecretMissing, TransientError
from halo_shared.integrations import HaloConnection

log = logs.get(__name__)

TICK: Final = 1.0
AT_ONCE: Final = 50
"""Messages in one round."""


class Sender:
    """Sends what waits; a message that was sent when the controller died may be sent twice, never not at all."""

    def __init__(self, database: Database, postroom: Postroom, clock: Clock) -> None:
        self._database = database
        self._postroom = postroom
        self._clock = clock

    async def run(self) -> None:
        """Send for ever."""
        await tick_for_ever("sender", self.tick, TICK, self._clock)

    async def tick(self) -> None:
        """Send what is due: the messages of one address in order, all addresses at once."""
        async with self._database.read() as db:
            due = await notifications.due(db, self._clock.now(), AT_ONCE)
        by_address: dict[tuple[str, str], list[Notification]] = defaultdict(list)
        for one in due:
            by_address[one.person, one.channel.label].append(one)
        await asyncio.gather(*(self._send_all(each) for each in by_address.values()))

    async def _send_all(self, waiting: Sequence[Notification]) -> None:
        for notification in waiting:
            await self._keep(await self._send(await self._threaded(notification)))

    async def _threaded(self, notification: Notification) -> Notification:
        """With the ticket that was opened for its incident before, if one was."""
        if not (isinstance(notification.channel, Ticket) and notification.topics):
            return notification
        async with self._database.read() as db:
            reference = await notifications.reference(
                db, notification.topics[0].incident.id, notification.person
            )
        return notification.model_copy(update={"reference": reference})

    async def _send(self, notification: Notification) -> Notification:
        try:
            delivered = await self._postroom.deliver(notification, await self._halo(notification))
        except (TransientError, SecretMissing) as error:  # a secret that is missing may be put in its place
            pause = error.retry_after if isinstance(error, NotReached) else None
            return after_failure(notification, error.message, self._clock.now(), retry_after=pause)
        except HaloIntegratorError as error:
            return _ended(notification, NotificationState.REFUSED, error.message)
        except Exception as error:
            log.error("notification_broken", notification=notification.id, exc_info=error)
            return _ended(notification, NotificationState.REFUSED, f"{type(error).__name__}: {error}")
        sent = _ended(notification, NotificationState.SENT, delivered.result)
        return sent.model_copy(update={"sent_at": self._clock.now(), "reference": delivered.reference})

    async def _halo(self, notification: Notification) -> HaloConnection | None:
        """The Halo of the person's tenant, where a ticket is to be opened in it."""
        if not isinstance(notification.channel, Ticket):
            return None
        try:
            async with self._database.read() as db:
                person = await people.get(db, notification.person)
                return (await tenants.get(db, person.tenant)).spec.halo if person.tenant else None
        except NotFound:
            return None

    async def _keep(self, notification: Notification) -> None:
        async with self._database.write() as db:
            await notifications.save(db, notification)
            if notification.reference:
                await notifications.refer(
                    db, notification.topics[0].incident.id, notification.person, notification.reference
                )
        tell = log.info if notification.state is NotificationState.SENT else log.warning
        tell(
            f"notification_{notification.state}",
            notification=notification.id,
            person=notification.person,
            channel=notification.channel.kind,
            result=notification.result,
        )


def _ended(notification: Notification, state: NotificationState, result: str) -> Notification:
    return notification.model_copy(
        update={"state": state, "attempts": notification.attempts + 1, "result": result}
    )
