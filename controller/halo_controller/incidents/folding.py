"""Many sightings, one incident: ten thousand equal errors open it once. Pure."""

from collections.abc import Iterable
from typing import Final

from halo_controller.incidents.nouns import Incident, Sighting, new_incident_id

MOST_EXAMPLES: Final = 5


def together(sightings: Iterable[Sighting]) -> list[Sighting]:
    """One sighting per cause and run, with their number; in the order in which they were first seen."""
    found: dict[tuple[str, str | None], Sighting] = {}
    for one in sightings:
        place = (one.cause.key, one.run)
        found[place] = _merged(found[place], one) if place in found else one
    return list(found.values())


def opened_by(sighting: Sighting) -> Incident:
    """The incident that this first sighting opens."""
    values = sighting.model_dump(exclude={"cause", "at", "examples"})
    return Incident(
        **values,
        id=new_incident_id(),
        cause=sighting.cause,
        examples=sighting.examples[:MOST_EXAMPLES],
        failures=1,
        opened_at=sighting.at,
        seen_at=sighting.at,
    )


def updated_by(incident: Incident, sighting: Sighting) -> Incident:
    """The incident after one more sighting of its cause."""
    another_run = sighting.run is not None and sighting.run != incident.run
    return incident.model_copy(
        update={
            "message": sighting.message,
            "advice": sighting.advice,
            "level": sighting.level,
            "run": sighting.run or incident.run,
            "agent": sighting.agent or incident.agent,
            "errors": incident.errors + sighting.errors,
            "failures": incident.failures + another_run,
            "seen_at": max(incident.seen_at, sighting.at),
            "examples": _examples(incident.examples, sighting.examples),
        }
    )


def _merged(first: Sighting, later: Sighting) -> Sighting:
    return later.model_copy(
        update={
            "errors": first.errors + later.errors,
            "at": max(first.at, later.at),
            "examples": _examples(first.examples, later.examples),
        }
    )


def _examples(known: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*known, *more)))[:MOST_EXAMPLES]
