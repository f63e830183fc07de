"""Traces: what one run causes, over controller, broker, agent and Halo, as spans of OpenTelemetry.

A room with one door: whoever has something to tell opens a span here, and nobody else knows the library. Without the
extra `traces`, or where OpenTelemetry's own variables name no receiver, nothing is imported and a span costs nothing.

This tells where time goes in a run. Why one record came out as it did is told by `halo_agent.tracing`.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from enum import Enum
from typing import Final, Protocol

from halo_shared import logs

log = logs.get(__name__)

Attributes = Mapping[str, str | int | float | bool]
RECEIVERS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class Kind(Enum):
    """What a span is about, as OpenTelemetry tells it."""

    INTERNAL = "internal"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"


class Span(Protocol):
    """A piece of work under way."""

    def note(self, attributes: Attributes) -> None:
        """What turned out meanwhile; no secrets, and nothing of a record."""
        ...

    def failed(self, code: str) -> None:
        """It came to nothing, for this reason in one word."""
        ...


class Telemetry(Protocol):
    """What stands behind the door."""

    def span(
        self, name: str, kind: Kind, parent: str | None, link: str | None, attributes: Attributes
    ) -> AbstractContextManager[Span]: ...

    def traceparent(self) -> str | None: ...

    def stages(self) -> AbstractContextManager[None]: ...

    def stage(self, name: str) -> None: ...


class _Unseen:
    """A span that nobody looks at."""

    def note(self, attributes: Attributes) -> None: ...

    def failed(self, code: str) -> None: ...


UNSEEN: Final = _Unseen()


class _Off:
    """Nobody listens."""

    def span(
        self, name: str, kind: Kind, parent: str | None, link: str | None, attributes: Attributes
    ) -> AbstractContextManager[Span]:
        return nullcontext(UNSEEN)

    def traceparent(self) -> None:
        return None

    def stages(self) -> AbstractContextManager[None]:
        return nullcontext()

    def stage(self, name: str) -> None: ...


_TELEMETRY: ContextVar[Telemetry] = ContextVar("telemetry", default=_Off())  # noqa: B039  it holds no state


def span(
    name: str,
    kind: Kind = Kind.INTERNAL,
    *,
    parent: str | None = None,
    link: str | None = None,
    attributes: Attributes | None = None,
) -> AbstractContextManager[Span]:
    """A piece of work for the length of a `with`, below what is under way, or below `parent` of another process.

    An error that passes through is told by the name of its class alone: its text may be about a record.
    """
    return _TELEMETRY.get().span(name, kind, parent, link, attributes or {})


def traceparent() -> str | None:
    """What is under way, as W3C's header that travels to the next process; None where nobody listens."""
    return _TELEMETRY.get().traceparent()


def stages() -> AbstractContextManager[None]:
    """Let what is under way have stages; other spans of this `with` and of its tasks stand below the present one."""
    return _TELEMETRY.get().stages()


def stage(name: str) -> None:
    """This stage is under way; the one before is over."""
    _TELEMETRY.get().stage(name)


@contextmanager
def exported(service: str, instance: str, environment: Mapping[str, str]) -> Iterator[None]:
    """Send the spans of this `with`, and of tasks that are started in it, to whom OTEL_... name, if to anybody."""
    if not _wanted(environment):
        yield
        return
    try:
        from halo_shared.telemetry.exporting import Exporting  # noqa: PLC0415  an extra
    except ImportError as error:
        log.error(
            "traces_not_sent",
            why=f"OTEL_... name a receiver, and a library is not installed: {error}. "
            f"Install it with: pip install '{service}[traces]'",
        )
        yield
        return
    with Exporting.to_receiver(service, instance) as telemetry:
        token = _TELEMETRY.set(telemetry)
        try:
            yield
        finally:
            _TELEMETRY.reset(token)


def _wanted(environment: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry's variables ask for traces by OTLP."""
    off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    by = environment.get("OTEL_TRACES_EXPORTER", "otlp").strip()
    return not off and by == "otlp" and any(environment.get(name) for name in RECEIVERS)
