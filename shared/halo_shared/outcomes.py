"""What became of one record in one run, so that whoever asks about it afterwards is answered."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from halo_shared.entities import EntityKind
from halo_shared.runs import Frozen


class History(StrEnum):
    """Which outcomes a tenant wants to be kept at the centre."""

    OFF = "off"
    """Nothing of the source's data leaves the agent but to Halo."""
    FAILURES = "failures"
    """What failed or was skipped, and what waits for a person."""
    ALL = "all"
    """Every record that a run touched."""


class Result(StrEnum):
    """What became of a record."""

    CREATED = "created"
    UPDATED = "updated"
    RETIRED = "retired"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"


class FieldChange(Frozen):
    """One field of Halo, as it was and as it was to be."""

    field: str
    before: str = ""
    after: str = ""


class Outcome(Frozen):
    """What became of one record, and why."""

    entity: EntityKind
    source_id: str
    """Empty where the source gives no id that could be read."""
    name: str
    result: Result
    planned: bool = False
    """Nothing was written: it is what the run would do, as in a preview or in a run that is held."""
    reason: str
    matched: str = ""
    """How it was recognised in Halo."""
    placed: str = ""
    """Which rule said where it belongs."""
    halo_id: int | None = None
    fields: tuple[FieldChange, ...] = ()
    keys: tuple[str, ...] = ()
    """Values by which people look for it, besides its name and ids: an address, a serial number."""
    code: str = ""
    """The name of the error that kept it from being written."""
    advice: str = ""
    """What a person can do about that."""

    def wanted_by(self, history: History) -> bool:
        """Whether a tenant that keeps such a history wants this outcome."""
        match history:
            case History.OFF:
                return False
            case History.FAILURES:
                return self.planned or self.result in (Result.FAILED, Result.SKIPPED)
            case History.ALL:
                return True


COLUMNS: Final = (
    "result",
    "entity",
    "source_id",
    "halo_id",
    "name",
    "field",
    "before",
    "after",
    "reason",
    "placed",
)
"""The columns of a table of outcomes, one line per field."""


def lines(outcome: Outcome) -> Iterator[list[str]]:
    """The lines of such a table that this outcome makes; no spreadsheet takes a cell of it for a formula."""
    halo_id = "" if outcome.halo_id is None else str(outcome.halo_id)
    head = [outcome.result, outcome.entity, outcome.source_id, halo_id, outcome.name]
    for one in outcome.fields or (FieldChange(field=""),):
        cells = [*head, one.field, one.before, one.after, outcome.reason, outcome.placed]
        yield [_harmless(cell) for cell in cells]


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
