"""A day in a person's life: errors happen at their minutes, and what is told is noted with its minute."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from halo_controller.incidents.folding import opened_by, updated_by
from halo_controller.incidents.nouns import Incident
from halo_controller.notifications.decision import DoNotTell, Memory, Tell, Wait, decide
from halo_controller.notifications.nouns import Occasion, Silence, Told
from halo_controller.notifications.people import Person
from tests.support.builders import NOW
from tests.support.incidents import sighting

Said = tuple[int, str]
"""The minute, and the occasion that was told of."""


class Timeline:
    """Asks the decision every minute, as the notifier does, and remembers what it told."""

    def __init__(
        self,
        person: Person,
        *,
        start: datetime = NOW,
        silences: Sequence[Silence] = (),
        same_run: bool = False,
    ) -> None:
        self._person = person
        self._start = start
        self._silences = silences
        self._same_run = same_run
        self.incident: Incident | None = None
        self._told: list[Told] = []
        self.said: list[Said] = []
        self.last: Tell | Wait | DoNotTell | None = None

    def play(
        self,
        *,
        errors: Iterable[int] = (),
        recovers: int | None = None,
        acknowledged: int | None = None,
        until: int = 60,
    ) -> list[Said]:
        """What is told, and when; errors come from a new run each, unless it is all the same run."""
        at_minutes = list(errors)
        for minute in range(until + 1):
            now = self._at(minute)
            for number in (at for at in at_minutes if at == minute):
                self._error(number, now)
            if minute == acknowledged:
                self._change(acknowledged_at=now, acknowledged_by="bob")
            if minute == recovers:
                self._change(recovered_at=now, recovery="A run went through.")
            if self.incident:
                self._ask(self.incident, minute, now)
        return self.said

    def _at(self, minute: int) -> datetime:
        return self._start + timedelta(minutes=minute)

    def _error(self, number: int, now: datetime) -> None:
        seen = sighting(now, run="0" * 12 if self._same_run else f"{number:012x}")
        self.incident = updated_by(self.incident, seen) if self.incident else opened_by(seen)

    def _change(self, **values: object) -> None:
        assert self.incident
        self.incident = self.incident.model_copy(update=values)

    def _ask(self, incident: Incident, minute: int, now: datetime) -> None:
        memory = Memory(self._told, [one.at for one in self._told])
        self.last = decide(self._person, incident, memory, self._silences, now)
        if isinstance(self.last, Tell):
            self._told.append(Told(occasion=self.last.occasion, at=now))
            self.said.append((minute, self.last.occasion.value))


def silence(**changes: object) -> Silence:
    """Everything of acme, from the start and until it is lifted."""
    values = {
        "id": "00000001",
        "tenant": "acme",
        "starts_at": NOW,
        "ends_at": None,
        "reason": "the directory is being moved",
        "by": "bob",
    }
    return Silence.model_validate(values | changes)


OPENED, REMINDER, RECOVERED = (one.value for one in (Occasion.OPENED, Occasion.REMINDER, Occasion.RECOVERED))
