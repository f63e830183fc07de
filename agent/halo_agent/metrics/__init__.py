"""Figures of this agent for Prometheus, for whoever may look at its machine and not at the controller.

A facade: without the setting `metrics_port` nobody counts, and the library behind it, the extra `metrics`, is not loaded.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

from halo_shared.errors import ExtraMissing
from halo_shared.identifiers import IntegrationRef
from halo_shared.runs import Counts

Side = Literal["halo", "source"]
UNANSWERED: Final = "none"
"""In the place of the status of a request that got no answer."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """How the agent is at this moment."""

    spooled: int
    dropped: int
    held: int
    slots: int
    heard_at: datetime | None
    """When the controller last said something."""


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that ended."""

    ref: IntegrationRef
    status: str
    at: datetime
    seconds: float
    counts: Counts


class Meters(Protocol):
    """Whoever counts."""

    def attempt_ended(self, ended: Ended) -> None: ...

    def requested(self, of: Side, status: str) -> None: ...

    def waited(self, seconds: float) -> None: ...


class _Off:
    """Nobody counts."""

    def attempt_ended(self, ended: Ended) -> None: ...

    def requested(self, of: Side, status: str) -> None: ...

    def waited(self, seconds: float) -> None: ...


_METERS: ContextVar[Meters] = ContextVar("meters", default=_Off())  # noqa: B039  it holds no state


def attempt_ended(ended: Ended) -> None:
    """An attempt has said its last word."""
    _METERS.get().attempt_ended(ended)


def requested(of: Side, status: str) -> None:
    """A request to Halo or to a tool was answered so: `2xx`, `4xx`, or UNANSWERED."""
    _METERS.get().requested(of, status)


def waited(seconds: float) -> None:
    """A request to Halo waited so long, to stay within the budget."""
    _METERS.get().waited(seconds)


@contextmanager
def served(host: str, port: int | None, vitals: Callable[[], Vitals]) -> Iterator[None]:
    """Count in this `with`, and in tasks that are started in it, and show it at this port.

    Raises ExtraMissing, or ConfigurationError where the port cannot be had.
    """
    if port is None:
        yield
        return
    try:
        from halo_agent.metrics.prometheus import PrometheusMeters  # noqa: PLC0415  an extra
    except ImportError as error:
        raise ExtraMissing(
            f"'metrics_port' needs a library that is not installed: {error}. "
            "Install it with: pip install 'halo-integrator-agent[metrics]'"
        ) from error
    with PrometheusMeters.served(host, port, vitals) as meters:
        token = _METERS.set(meters)
        try:
            yield
        finally:
            _METERS.reset(token)
