"""Who hears of an incident, and why, or why not: one pure function."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from halo_controller.incidents.nouns import Incident, IncidentState
from halo_controller.notifications.hours import digest_after
from halo_controller.notifications.nouns import Occasion, Silence, Told
from halo_controller.notifications.people import Pace, Person, Preference

GATHERED: Final = timedelta(seconds=10)
"""Records fail one after the other; the first message should know of more than the first."""
RATE: Final = timedelta(hours=1)
"""The span in which a person gets no more than `at_most` messages."""


@dataclass(frozen=True, slots=True)
class Tell:
    """The person is to be told now."""

    occasion: Occasion
    reason: str
    digest: bool = False
    """In one message with whatever else is due."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The person is to be told later, if it is still so then."""

    reason: str
    until: datetime | None = None
    """None: until something happens."""


@dataclass(frozen=True, slots=True)
class DoNotTell:
    """The person is not to be told."""

    reason: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What was told before."""

    of_incident: Sequence[Told] = ()
    """To this person, of this incident."""
    lately: Sequence[datetime] = ()
    """When this person was told of anything, within the last hour at the least."""

    def told(self, occasion: Occasion) -> datetime | None:
        """When the person was told of this occasion."""
        return next((one.at for one in self.of_incident if one.occasion is occasion), None)


def decide(
    person: Person, incident: Incident, memory: Memory, silences: Sequence[Silence], now: datetime
) -> Tell | Wait | DoNotTell:
    """Whether this person is to be told of this incident now, and why, or why not."""
    preference = person.preference(incident.direction)
    if unwanted := _unwanted(person, preference, incident):
        return DoNotTell(unwanted)
    occasion = _occasion(preference, incident, memory, now)
    if not isinstance(occasion, Occasion):
        return occasion
    if hushed := _hushed(person, incident, silences, now):
        return hushed
    return _in_time(person, preference, incident, occasion, memory, now)


def _unwanted(person: Person, preference: Preference, incident: Incident) -> str | None:
    """Why the person never wants to hear of such an incident."""
    cause = incident.cause
    if person.tenant and person.tenant != cause.tenant:
        whose = f"tenant {cause.tenant}" if cause.tenant else "the whole installation"
        return f"it concerns {whose}, and {person.name} belongs to tenant {person.tenant}"
    direction = incident.direction or "operation"
    if preference.pace is Pace.NEVER:
        return f"{person.name} wants to hear of no {direction} errors"
    if incident.level not in preference.level.and_louder:
        return f"its level is {incident.level}, and {person.name} wants {preference.level} and louder"
    if preference.integrations and cause.integration not in preference.integrations:
        return f"it is about none of the integrations that {person.name} chose"
    if preference.integrators and incident.integrator not in preference.integrators:
        return f"it is about none of the kinds of integrator that {person.name} chose"
    return None


def _occasion(
    preference: Preference, incident: Incident, memory: Memory, now: datetime
) -> Occasion | Wait | DoNotTell:
    """What there is to tell that was not told before."""
    opened = memory.told(Occasion.OPENED)
    if incident.state is IncidentState.RECOVERED:
        return _of_recovery(preference, opened, memory.told(Occasion.RECOVERED))
    if opened is None:
        return _of_opening(preference, incident, now)
    return _of_reminder(preference, incident, opened, memory.told(Occasion.REMINDER), now)


def _of_recovery(
    preference: Preference, opened: datetime | None, recovered: datetime | None
) -> Occasion | DoNotTell:
    if opened is None:
        return DoNotTell("it was over before it was told")
    if recovered:
        return DoNotTell(f"its recovery was told at {_stamp(recovered)}")
    if not preference.recovery:
        return DoNotTell("recoveries are not wanted")
    return Occasion.RECOVERED


def _of_opening(preference: Preference, incident: Incident, now: datetime) -> Occasion | Wait | DoNotTell:
    if incident.acknowledged_at:
        return DoNotTell(f"{incident.acknowledged_by} acknowledged it before it was told")
    if incident.failures < preference.after_failures:
        return Wait(f"it was seen in {incident.failures} of {preference.after_failures} runs")
    gathered = incident.opened_at + GATHERED
    if incident.run and incident.cause.place and now < gathered:
        return Wait("it has just begun, and more records may fail alike", gathered)
    return Occasion.OPENED


def _of_reminder(
    preference: Preference, incident: Incident, opened: datetime, reminded: datetime | None, now: datetime
) -> Occasion | Wait | DoNotTell:
    if reminded:
        return DoNotTell(f"it was told at {_stamp(opened)} and once more at {_stamp(reminded)}")
    if incident.acknowledged_at:
        return DoNotTell(f"{incident.acknowledged_by} acknowledged it")
    if preference.reminder is None:
        return DoNotTell(f"it was told at {_stamp(opened)}")
    due = opened + preference.reminder
    if now < due:
        return Wait(f"it was told at {_stamp(opened)}, and is told once more if it lasts", due)
    return Occasion.REMINDER


def _hushed(person: Person, incident: Incident, silences: Sequence[Silence], now: datetime) -> Wait | None:
    """What keeps anything from being told at this moment."""
    for silence in silences:
        if silence.covers(incident, person.name, now):
            until = f"until {_stamp(silence.ends_at)}" if silence.ends_at else "until it is lifted"
            return Wait(
                f"silence {silence.id} of {silence.by} holds {until}: {silence.reason}", silence.ends_at
            )
    if person.quiet and (end := person.quiet.end_of(now, person.tzinfo)):
        return Wait(f"{person.name} has quiet hours until {_stamp(end)}", end)
    return None


def _in_time(
    person: Person,
    preference: Preference,
    incident: Incident,
    occasion: Occasion,
    memory: Memory,
    now: datetime,
) -> Tell | Wait:
    """Now, with the next digest, or when the person has had fewer messages."""
    digest = preference.pace is not Pace.IMMEDIATELY
    if digest:
        at = digest_after(_since(incident, occasion, preference, memory), preference.pace, person)
        if now < at:
            return Wait(f"it is told in the {preference.pace} message at {_stamp(at)}", at)
    lately = sorted(one for one in memory.lately if now - one < RATE)
    if len(lately) >= person.at_most:
        free = lately[-person.at_most] + RATE
        return Wait(f"{person.name} has had {len(lately)} messages within the hour", free)
    return Tell(occasion, _why(person, incident, occasion), digest)


def _since(incident: Incident, occasion: Occasion, preference: Preference, memory: Memory) -> datetime:
    """Since when there is this to tell."""
    if occasion is Occasion.RECOVERED and incident.recovered_at:
        return incident.recovered_at
    opened = memory.told(Occasion.OPENED)
    if occasion is Occasion.REMINDER and opened and preference.reminder:
        return opened + preference.reminder
    # With `after_failures` it is the latest sighting that made it worth telling.
    return incident.opened_at if preference.after_failures == 1 else incident.seen_at


def _why(person: Person, incident: Incident, occasion: Occasion) -> str:
    direction = incident.direction or "operation"
    match occasion:
        case Occasion.RECOVERED:
            return f"{person.name} was told of it, and wants to know when it is over"
        case Occasion.REMINDER:
            return f"{person.name} was told of it, and it is neither over nor acknowledged"
        case _:
            level = person.preference(incident.direction).level
            runs = f" after {incident.failures} runs" if incident.failures > 1 else ""
            whose = f"of tenant {person.tenant}" if person.tenant else "of every tenant"
            return f"{person.name} wants {direction} errors {whose} at {level} and louder{runs}"


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
