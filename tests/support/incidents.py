"""Sightings, incidents and people for tests; a test names only what it is about."""

from datetime import datetime
from typing import Any

from halo_controller.incidents.folding import opened_by
from halo_controller.incidents.nouns import Cause, Incident, Sighting
from halo_controller.notifications.people import Person
from halo_shared.errors import ErrorClass
from halo_shared.integrators import Integrator
from halo_shared.messages.events import Direction, Level
from tests.support.builders import NOW, REF, RUN_ID

Some = Any  # Any: whatever the model takes


def cause(**changes: Some) -> Cause:
    """The people of acme cannot be read: their directory does not answer."""
    values = {
        "tenant": REF.tenant,
        "integration": REF.name,
        "error_class": ErrorClass.TRANSIENT,
        "code": "SourceUnavailable",
    }
    return Cause(**(values | changes))


def sighting(at: datetime = NOW, *, of: Cause | None = None, **changes: Some) -> Sighting:
    """It was seen once, in a run."""
    values = {
        "cause": of or cause(),
        "level": Level.ERROR,
        "direction": Direction.INCOMING,
        "integrator": Integrator.LOCAL,
        "message": "The directory at dc1.acme.example does not answer.",
        "advice": "The next run tries it again; act if it lasts.",
        "at": at,
        "run": RUN_ID,
        "agent": "one",
    }
    return Sighting(**(values | changes))


def incident(at: datetime = NOW, *, of: Cause | None = None, **changes: Some) -> Incident:
    """It has just been opened."""
    return opened_by(sighting(at, of=of)).model_copy(update=changes)


def person(name: str = "jane", **changes: Some) -> Person:
    """Someone of acme who wants all errors at once."""
    values = {
        "name": name,
        "tenant": REF.tenant,
        "channels": [{"kind": "email", "address": f"{name}@acme.example"}],
    }
    return Person.model_validate(values | changes)
