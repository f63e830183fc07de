"""The hosted integrator, as values: what its host decides, and what is known of each integration."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import Field

from halo_shared.durations import Interval, Span
from halo_shared.mapping import Strict
from halo_shared.runs import Frozen
from halo_shared.schedules import Timing


class Classes(Strict):
    """How the host lets integrations run: small ones through the day, large ones out of hours."""

    every: Interval = timedelta(minutes=30)
    """How often a small one runs."""
    long: Span = Field(default=timedelta(minutes=10), ge=timedelta(seconds=1))
    """A run that takes longer makes its integration a large one ..."""
    many: int = Field(default=20_000, ge=1)
    """... and so does one that reads more records."""
    runs_at_once: int = Field(default=2, ge=1)
    """How many runs of one tenant are in line for the hosted agents, or at work; its others wait at the centre."""


class Size(StrEnum):
    """How heavy the syncs of an integration are."""

    SMALL = "small"
    LARGE = "large"


class Override(Frozen):
    """A time that an operator gave one integration instead of its class's."""

    timing: Timing
    who: str
    at: datetime
    reason: str


class Hosting(Frozen):
    """What the host knows and decided of one integration."""

    size: Size = Size.LARGE
    reason: str = "it is not measured yet"
    """Why it is of this size."""
    calm: int = 0
    """How many runs in a row were so light that a large one may become small."""
    override: Override | None = None


UNMEASURED: Final = Hosting()
"""Its first sync reads everything: until that is measured, it counts as large."""
