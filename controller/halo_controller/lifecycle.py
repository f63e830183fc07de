"""The life of a run as a table: what may follow what. Pure."""

from enum import StrEnum
from typing import Final

from halo_shared.runs import RunStatus as S


class Happening(StrEnum):
    """What can befall a run."""

    PUBLISHED = "published"
    LEASED = "leased"
    NOT_TAKEN = "not_taken"
    """Its job was sent and no agent asked for the lease."""
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"
    HELD = "held"
    APPROVED = "approved"
    REJECTED = "rejected"
    ATTEMPT_LOST = "attempt_lost"
    """Its agent is gone, and it may be tried again."""
    LOST = "lost"
    """Its agent is gone, and it was tried often enough."""


H = Happening

TRANSITIONS: Final[dict[tuple[S, Happening], S]] = {
    (S.QUEUED, H.PUBLISHED): S.DISPATCHED,
    (S.QUEUED, H.LEASED): S.RUNNING,  # an agent can be quicker than the note that the job was published
    (S.QUEUED, H.CANCELLED): S.CANCELLED,
    (
        S.DISPATCHED,
        H.PUBLISHED,
    ): S.DISPATCHED,  # the broker confirmed no first copy, and so a second one was sent
    (S.DISPATCHED, H.LEASED): S.RUNNING,
    (S.DISPATCHED, H.NOT_TAKEN): S.QUEUED,
    (S.DISPATCHED, H.CANCELLED): S.CANCELLED,
    (S.RUNNING, H.PUBLISHED): S.RUNNING,
    (S.RUNNING, H.SUCCEEDED): S.SUCCEEDED,
    (S.RUNNING, H.PARTIAL): S.PARTIAL,
    (S.RUNNING, H.FAILED): S.FAILED,
    (S.RUNNING, H.CANCELLED): S.CANCELLED,
    (S.RUNNING, H.HELD): S.HELD,
    (S.RUNNING, H.ATTEMPT_LOST): S.QUEUED,
    (S.RUNNING, H.LOST): S.LOST,
    (S.HELD, H.APPROVED): S.QUEUED,
    (S.HELD, H.REJECTED): S.CANCELLED,
    (S.HELD, H.CANCELLED): S.CANCELLED,
}


def follows(status: S, happening: Happening) -> S | None:
    """The status after this; None where the table has no such cell and nothing may change."""
    return TRANSITIONS.get((status, happening))
