"""Errors, named for what happens next.

    HaloIntegratorError
    ├── TransientError            try again
    │   ├── SourceUnavailable
    │   ├── TargetUnavailable
    │   ├── RateLimited           … after `retry_after` seconds
    │   ├── BrokerUnavailable
    │   ├── QueueTaken
    │   ├── StoreBusy
    │   ├── DiskFull
    │   └── DeliveryLost          … the broker hands it out again by itself
    ├── ConfigurationError        a person must change something
    │   ├── SettingsInvalid
    │   ├── MappingInvalid
    │   ├── SecretMissing
    │   ├── CredentialRefused
    │   │   └── HaloCredentialRefused
    │   ├── PermissionMissing
    │   ├── UnknownConnector
    │   ├── ExtraMissing
    │   └── Unroutable
    ├── RecordError               this record only
    │   ├── RecordUnreadable
    │   ├── RecordRefused
    │   ├── AmbiguousMatch
    │   ├── Unplaced
    │   └── StillNeeded
    ├── RunError                  stop, write nothing more
    │   ├── IncompleteRead
    │   ├── NotAtSource
    │   ├── TooManyRefused
    │   ├── Cancelled
    │   ├── DeadlinePassed
    │   └── LeaseLost
    └── ProtocolError             not ours to understand
        ├── Unreadable
        └── UnsupportedVersion

The docstring of a class is its default message. `disposition()` is the only place that knows
what follows from a class; it walks the class tree, so a subclass needs no row of its own.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class HaloIntegratorError(Exception):
    """Something went wrong."""

    def __init__(self, message: str = "", *, detail: str = "") -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.detail = detail
        super().__init__(self.message)

    @property
    def code(self) -> str:
        """The stable name of this error in events, filters and incidents."""
        return type(self).__name__


class TransientError(HaloIntegratorError):
    """The other side is not available; it may be soon."""


class SourceUnavailable(TransientError):
    """The tool to read from is not available."""


class TargetUnavailable(TransientError):
    """Halo is not available."""


class RateLimited(TransientError):
    """Halo asks for fewer requests."""

    def __init__(self, message: str = "", *, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, detail=detail)
        self.retry_after = retry_after


class BrokerUnavailable(TransientError):
    """The message broker is not available."""


class QueueTaken(TransientError):
    """Another process listens to this queue, which only one may."""


class StoreBusy(TransientError):
    """The controller's database is busy or full."""


class DiskFull(TransientError):
    """The disk of the agent's machine is full."""


class DeliveryLost(TransientError):
    """The connection that brought this message is gone; the broker will deliver it again."""


class ConfigurationError(HaloIntegratorError):
    """A setting must be changed before this can work."""


class SettingsInvalid(ConfigurationError):
    """The settings are not valid."""


class MappingInvalid(ConfigurationError):
    """The mapping is not valid."""


class SecretMissing(ConfigurationError):
    """A secret that the settings refer to is not on this machine."""


class CredentialRefused(ConfigurationError):
    """The user name, password or secret was refused."""


class HaloCredentialRefused(CredentialRefused):
    """Halo refused the application or its secret."""


class PermissionMissing(ConfigurationError):
    """The account may not do what the integration needs."""


class UnknownConnector(ConfigurationError):
    """No connector of that name is installed."""


class ExtraMissing(ConfigurationError):
    """The connector needs a library that is not installed."""


class Unroutable(ConfigurationError):
    """Nothing is bound to receive this message."""


class RecordError(HaloIntegratorError):
    """This record could not be handled; the others can."""


class RecordUnreadable(RecordError):
    """The source holds a record that cannot be read."""


class RecordRefused(RecordError):
    """Halo refused this record."""


class AmbiguousMatch(RecordError):
    """More than one record in Halo could be the same; it is not guessed which."""


class Unplaced(RecordError):
    """No client or site could be found for this record."""


class StillNeeded(RecordError):
    """The record is gone at its source, and Halo still needs it."""


class RunError(HaloIntegratorError):
    """The run was stopped; nothing more was written."""


class IncompleteRead(RunError):
    """Reading ended before the source said that it was complete."""


class NotAtSource(RunError):
    """The source has no such record, or several."""


class TooManyRefused(RunError):
    """Most records were refused, so the run was stopped."""


class Cancelled(RunError):
    """A person cancelled the run."""


class DeadlinePassed(RunError):
    """The run did not end by its deadline."""


class LeaseLost(RunError):
    """The lease of this run could no longer be proved."""


class ProtocolError(HaloIntegratorError):
    """A message could not be understood."""


class Unreadable(ProtocolError):
    """The message is not valid."""


class UnsupportedVersion(ProtocolError):
    """The message speaks a version of the protocol that this program does not."""


class ErrorClass(StrEnum):
    """What kind of remedy an error asks for."""

    TRANSIENT = "transient"
    CONFIGURATION = "configuration"
    RECORD = "record"
    RUN = "run"
    PROTOCOL = "protocol"
    INTERNAL = "internal"


class Settle(StrEnum):
    """What becomes of the delivery whose handler failed."""

    AGAIN = "again"
    DONE = "done"
    BURY = "bury"


@dataclass(frozen=True, slots=True)
class Disposition:
    """What follows from an error: for the delivery, and in words."""

    error_class: ErrorClass
    settle: Settle
    advice: str


DISPOSITIONS: Final[dict[type[BaseException], Disposition]] = {
    TransientError: Disposition(
        ErrorClass.TRANSIENT, Settle.AGAIN, advice="The next run tries it again; act if it lasts."
    ),
    ConfigurationError: Disposition(
        ErrorClass.CONFIGURATION, Settle.DONE, advice="Change the setting named, then run it again."
    ),
    RecordError: Disposition(
        ErrorClass.RECORD, Settle.DONE, advice="Correct the record at its source or in Halo; the next run takes it up."
    ),
    RunError: Disposition(
        ErrorClass.RUN, Settle.DONE, advice="The next run starts afresh."
    ),
    Cancelled: Disposition(
        ErrorClass.RUN, Settle.DONE, advice="Run it again when it is wanted."
    ),
    ProtocolError: Disposition(
        ErrorClass.PROTOCOL, Settle.BURY, advice="Look at the queue 'buried'; upgrade the older program."
    ),
}  # fmt: skip

INTERNAL: Final = Disposition(
    ErrorClass.INTERNAL,
    Settle.BURY,
    advice="This is a fault of ours: report it with the reference.",
)


def disposition(error: BaseException) -> Disposition:
    """What follows from this error; anything that is not in the tree is our own fault."""
    return next(
        (DISPOSITIONS[cls] for cls in type(error).__mro__ if cls in DISPOSITIONS),
        INTERNAL,
    )
