"""From what is said of runs to causes: which errors are one, and what ends them. Pure."""

from typing import Final

from halo_controller.incidents.nouns import CONDITIONS, Cause, Incident, Sighting
from halo_shared.errors import HaloCredentialRefused
from halo_shared.integrators import Integrator
from halo_shared.messages.base import Failure
from halo_shared.messages.events import Event, EventBase, Finished, RecordEvent, StatusChanged
from halo_shared.runs import RunStatus

OF_THE_TENANT: Final = frozenset({HaloCredentialRefused.__name__})
"""Codes that concern all integrations of a tenant at once: they write to the same Halo."""


def seen_in(event: Event, integrator: Integrator) -> Sighting | None:
    """The cause that this event tells of, if it tells of one."""
    match event:
        case RecordEvent():
            return _sighting(event, event.failure, integrator, place=event.entity, example=event.name)
        case Finished(status=RunStatus.FAILED, failure=Failure() as failure):
            return _sighting(event, failure, integrator)
        case StatusChanged(failure=Failure() as failure):
            return _sighting(event, failure, integrator)
        case _:
            return None


def recovery_by(event: Event, incident: Incident) -> str | None:
    """Why this event ends the incident; None when it does not."""
    cause, origin = incident.cause, event.origin
    if not isinstance(event, Finished) or not event.status.went_through:
        return None
    if cause.tenant != origin.tenant or cause.integration not in (None, origin.integration):
        return None
    if cause.code in CONDITIONS:
        return None  # it ends when it is no longer seen
    if cause.place and event.escrowed:
        return None  # what failed is kept, and was perhaps not tried this time
    if cause.place and incident.run == origin.run:
        return None  # this very run went through, and had the error with some of its records
    return f"Run {origin.run} of {origin.tenant}/{origin.integration} went through without it."


def _sighting(
    event: EventBase, failure: Failure, integrator: Integrator, *, place: str = "", example: str = ""
) -> Sighting:
    origin = event.origin
    of_tenant = failure.code in OF_THE_TENANT
    return Sighting(
        cause=Cause(
            tenant=origin.tenant,
            integration=None if of_tenant else origin.integration,
            error_class=failure.error_class,
            code=failure.code,
            place=place,
        ),
        level=event.level,
        direction=origin.direction,
        integrator=integrator,
        message=failure.message,
        advice=failure.advice,
        at=event.at,
        run=origin.run,
        agent=origin.agent,
        examples=(example,) if example else (),
    )
