"""The loop that asks who is to be told of what, and writes the messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from halo_controller.incidents.nouns import Incident
from halo_controller.notifications.decision import RATE, Memory, Tell, decide
from halo_controller.notifications.nouns import Notification, Silence, Told, Topic, new_id
from halo_controller.notifications.people import Channel, Person, Ticket
from halo_controller.store import incidents, notifications, people
from halo_controller.store.database import Database
from halo_controller.ticking import tick_for_ever
from halo_shared import logs
from halo_shared.clock import Clock

log = logs.get(__name__)

TICK: Final = 2.0
FLOOD: Final = 3
"""More messages than this to one person at once become one."""
REMEMBERED: Final = timedelta(days=7)
"""A recovery that could not be told for so long is old news."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One incident that a person is to be told of now."""

    incident: Incident
    tell: Tell

    @property
    def topic(self) -> Topic:
        """As it stands in a message."""
        return Topic(occasion=self.tell.occasion, incident=self.incident)


class Notifier:
    """Decides for every person and incident; what was decided is written down before it is sent."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Notify for ever."""
        await tick_for_ever("notifier", self.tick, TICK, self._clock)

    async def tick(self) -> None:
        """Write all messages that are due now."""
        now = self._clock.now()
        async with self._database.read() as db:
            everybody = await people.every(db)
            matters = await incidents.untold(db, now - REMEMBERED) if everybody else ()
            if not matters:
                return
            silences = await people.silences_after(db, now)
            told = await notifications.told_of(db, [one.id for one in matters])
            lately = await notifications.moments(db, now - RATE, now)
        for person in everybody:
            due = _due(person, matters, told, lately.get(person.name, ()), silences, now)
            if due:
                await self._write(person, due, now)

    async def _write(self, person: Person, due: Sequence[Decided], now: datetime) -> None:
        async with self._database.write() as db:
            for one in due:
                await notifications.remember(db, one.incident.id, person.name, one.tell.occasion, now)
            for message in messages(person, due, now):
                await notifications.add(db, message)
                log.info(
                    "notification_written", notification=message.id, person=person.name, why=message.reason
                )


def messages(person: Person, due: Sequence[Decided], now: datetime) -> list[Notification]:
    """The messages that say all this, through each of the person's channels."""
    return [
        _message(person, channel, part, now) for channel in person.channels for part in _parts(channel, due)
    ]


def trial(person: Person, channel: Channel, reason: str, now: datetime) -> Notification:
    """A message that only shows that messages arrive."""
    return _new(person, channel, (), reason, now)


def _due(
    person: Person,
    matters: Sequence[Incident],
    told: Mapping[tuple[str, str], Sequence[Told]],
    lately: Sequence[datetime],
    silences: Sequence[Silence],
    now: datetime,
) -> list[Decided]:
    found = []
    for incident in reversed(matters):  # the oldest first, as people read
        memory = Memory(told.get((person.name, incident.id), ()), lately)
        decision = decide(person, incident, memory, silences, now)
        if isinstance(decision, Tell):
            found.append(Decided(incident, decision))
    return found


def _parts(channel: Channel, due: Sequence[Decided]) -> list[list[Decided]]:
    """What goes into one message: each by itself, or all digests, and a flood, together."""
    if isinstance(channel, Ticket):
        return [[one] for one in due]  # one ticket per incident
    digest = [one for one in due if one.tell.digest]
    alone = [one for one in due if not one.tell.digest]
    if len(alone) > FLOOD:
        return [[*alone, *digest]]
    return [*([one] for one in alone), *([digest] if digest else [])]


def _message(person: Person, channel: Channel, part: Sequence[Decided], now: datetime) -> Notification:
    first = part[0].tell
    reason = first.reason if len(part) == 1 else f"{first.reason}; {len(part)} of them together"
    return _new(person, channel, tuple(one.topic for one in part), reason, now)


def _new(
    person: Person, channel: Channel, topics: tuple[Topic, ...], reason: str, now: datetime
) -> Notification:
    return Notification(
        id=new_id(),
        person=person.name,
        tenant=person.tenant,
        channel=channel,
        topics=topics,
        reason=reason,
        created_at=now,
        next_at=now,
    )
