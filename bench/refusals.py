"""What an agent says when Halo refuses one record after the other."""

from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from bench.people import person
from bench.specs import AGENT, REF
from halo_shared.entities import EntityKind
from halo_shared.errors import RecordRefused
from halo_shared.messages.base import Failure
from halo_shared.messages.events import Level, Origin, RecordEvent
from halo_shared.redaction import Redactor

RUN: Final = "0123456789ab"
FENCE: Final = 1


def refusals(number: int) -> list[RecordEvent]:
    """So many events of RUN, each said for the first time."""
    failure = Failure.of(RecordRefused("Halo refused it: Please select a valid Site."), Redactor())
    origin = Origin(tenant=REF.tenant, integration=REF.name, run=RUN, fence=FENCE, agent=AGENT)
    return [
        RecordEvent(
            id=uuid4(),
            at=datetime.now(UTC),
            origin=origin,
            seq=seq,
            level=Level.ERROR,
            text=f"users: {person(seq)['cn']}: {failure.message}",
            entity=EntityKind.USERS,
            source_id=person(seq)["uid"],
            name=person(seq)["cn"],
            outcome="failed",
            failure=failure,
        )
        for seq in range(number)
    ]
