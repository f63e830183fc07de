"""Channels: each knows one way to reach a person."""

from dataclasses import dataclass

from halo_shared.errors import ConfigurationError, TransientError


class NotTaken(ConfigurationError):
    """The other side does not take this message, now or later."""


class NotReached(TransientError):
    """The message could not be handed over; it is tried again."""

    def __init__(self, message: str = "", *, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, detail=detail)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Delivered:
    """The other side has taken a message."""

    result: str
    """What it said."""
    reference: str = ""
    """What it knows the message's thread by, as the number of a ticket."""
