"""What a code means, in words that stay the same while an incident lasts. Pure."""

from typing import Final

from halo_controller.incidents.nouns import CONDITIONS, Condition, Incident
from halo_shared import errors
from halo_shared.errors import HaloIntegratorError

_OF_CONDITIONS: Final = {
    Condition.NO_SUCCESS: "No run has succeeded for too long",
    Condition.RUN_HELD: "A run waits for an approval",
    Condition.INTEGRATION_PAUSED: "The integration was paused, since it kept failing",
    Condition.INTEGRATION_SLOWED: "The integration was slowed down, since it kept failing",
    Condition.AGENT_SILENT: "An agent is silent",
    Condition.EVENTS_DROPPED: "An agent lost events",
    Condition.MESSAGE_BURIED: "Messages were not understood",
    Condition.EXPIRES_SOON: "A secret ends soon",
    Condition.CERTIFICATE_ENDS: "A certificate ends soon",
}


def title(incident: Incident) -> str:
    """What is wrong, in a line: it makes the subject of an e-mail, by which mail programs keep a thread together."""
    cause = incident.cause
    place = f" ({cause.place})" if cause.place else ""
    return f"{cause.subject}: {headline(cause.code)}{place}"


def headline(code: str) -> str:
    """What this code means."""
    if code in CONDITIONS:
        return _OF_CONDITIONS[Condition(code)]
    known = getattr(errors, code, None)
    if isinstance(known, type) and issubclass(known, HaloIntegratorError):
        return (known.__doc__ or code).split(".", maxsplit=1)[0]
    return code
