"""Faults that a test asks for: each hits the next requests that match it, then is gone."""

from fnmatch import fnmatch
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Fault(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    times: int = Field(default=1, gt=0, description="requests it hits before it is gone")
    method: Literal["GET", "POST", "DELETE"] | None = None
    path: str = Field(default="/api/*", description="pattern with *, in any case")

    def matches(self, method: str, path: str) -> bool:
        return self.method in {None, method} and fnmatch(path.lower(), self.path.lower())


class Slow(_Fault):
    """Wait, then answer as usual."""

    kind: Literal["slow"]
    seconds: float = Field(gt=0)


class ServerError(_Fault):
    """Answer with a 5xx and do nothing."""

    kind: Literal["error"]
    status: int = Field(default=500, ge=500, le=599)


class RateLimited(_Fault):
    """Answer 429 and do nothing."""

    kind: Literal["rate_limited"]
    retry_after: float = Field(default=1, ge=0, description="sent if the switch says so")


class Drop(_Fault):
    """Do what is asked, then close the connection without a reply."""

    kind: Literal["drop"]


class Cut(_Fault):
    """Close the connection without a reply, and do nothing."""

    kind: Literal["cut"]


class Late(_Fault):
    """Close the connection without a reply, and do what is asked only after a while."""

    kind: Literal["late"]
    seconds: float = Field(gt=0)


class Html(_Fault):
    """Answer with a web page where JSON is due, and do nothing."""

    kind: Literal["html"]
    status: int = Field(default=200, ge=200, le=599)


class BadRow(_Fault):
    """Refuse one row of a POST, counted from 1."""

    kind: Literal["bad_row"]
    row: int = Field(gt=0)
    method: Literal["GET", "POST", "DELETE"] | None = "POST"


Fault = Annotated[
    Slow | ServerError | RateLimited | Drop | Cut | Late | Html | BadRow, Field(discriminator="kind")
]


class Faults:
    """The faults that wait for a request."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append((fault, fault.times))

    def waiting(self) -> list[Fault]:
        """Each fault with the times it still has."""
        return [fault.model_copy(update={"times": left}) for fault, left in self._waiting]

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, method: str, path: str) -> list[Fault]:
        """What hits this request: every delay, and the first of the others."""
        taken: list[Fault] = []
        kept: list[tuple[Fault, int]] = []
        settled = False
        for fault, left in self._waiting:
            hits = fault.matches(method, path) and (isinstance(fault, Slow) or not settled)
            if hits:
                taken.append(fault)
                settled = settled or not isinstance(fault, Slow)
            if left > hits:
                kept.append((fault, left - hits))
        self._waiting = kept
        return taken
