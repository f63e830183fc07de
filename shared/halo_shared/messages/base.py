"""What all messages have in common."""

from typing import Final

from halo_shared.errors import ErrorClass, HaloIntegratorError, RateLimited, disposition
from halo_shared.redaction import Redactor
from halo_shared.runs import Frozen

PROTOCOL_VERSION: Final = 2
"""The newest, in which this program speaks to whoever speaks it too."""
OLDEST_VERSION: Final = 1
SUPPORTED_VERSIONS: Final = frozenset(range(OLDEST_VERSION, PROTOCOL_VERSION + 1))


class Message(Frozen):
    """One message: frozen, versioned, tolerant of fields it does not know."""

    protocol: int = PROTOCOL_VERSION


class Failure(Frozen):
    """An error on the wire: a text to act on, a detail for us, and no secrets."""

    code: str
    error_class: ErrorClass
    message: str
    advice: str
    detail: str = ""
    retry_after: float | None = None
    """Seconds that the other side asked to be left alone for."""

    @classmethod
    def of(cls, error: BaseException, redactor: Redactor) -> "Failure":
        """The failure to report for this error; the one place where an error's texts are scrubbed."""
        after = disposition(error)
        if isinstance(error, HaloIntegratorError):
            code, message, detail = error.code, error.message, error.detail
        else:
            code, message, detail = (
                type(error).__name__,
                f"unexpected {type(error).__name__}: {error}",
                "",
            )
        return cls(
            code=code,
            error_class=after.error_class,
            message=redactor.scrub(message),
            advice=after.advice,
            detail=redactor.scrub(detail),
            retry_after=error.retry_after if isinstance(error, RateLimited) else None,
        )
