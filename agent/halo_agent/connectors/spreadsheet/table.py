"""A table as both formats give it: a header, then rows of text."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from halo_agent.connectors.spreadsheet.settings import SpreadsheetSettings
from halo_shared.errors import SettingsInvalid


@dataclass(frozen=True, slots=True)
class Row:
    """A row with one cell for every column."""

    number: int
    """As a spreadsheet program counts: the header's row is usually 1."""
    cells: Sequence[str]
    """Empty text for an empty cell."""


@dataclass(frozen=True, slots=True)
class DamagedRow:
    """A row that is there but whose cells cannot be relied on."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """One open file."""

    format: str
    """How it is read, for people, as in `utf-8, cells separated by ';'`."""
    header: Sequence[str]
    rows: Iterator[Row | DamagedRow]
    """Without the empty ones."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which cell of a row says what."""

    id: int
    name: int
    inactive: int | None
    named: Mapping[str, int]
    """Every column that has a name."""


def resolve(header: Sequence[str], settings: SpreadsheetSettings, label: str) -> Columns:
    """Find the columns that the settings name; raises SettingsInvalid with the ones that are there."""
    folded = [folded_name(name) for name in header]
    named = {name.strip(): position for position, name in enumerate(header) if name.strip()}
    twice = [name for name in named if folded.count(folded_name(name)) > 1]
    if twice:
        raise SettingsInvalid(
            f"{label} has more than one column '{twice[0]}': give each a name of its own, "
            "different by more than capitals."
        )

    def position(key: str, wish: str) -> int:
        if folded_name(wish) in folded:
            return folded.index(folded_name(wish))
        raise SettingsInvalid(f"{key}: {label} has no column '{wish}'; {close_to(wish, list(named))}")

    for wish in settings.required:
        position("required", wish)
    return Columns(
        id=position("id_column", settings.id_column),
        name=position("name_column", settings.name_column or settings.id_column),
        inactive=position("inactive.column", settings.inactive.column) if settings.inactive else None,
        named=named,
    )


def folded_name(name: str) -> str:
    """The name of a column as names are compared."""
    return name.strip().casefold()


def is_blank(cells: Sequence[str]) -> bool:
    """Whether nothing is written in these."""
    return not any(cell.strip() for cell in cells)


def close_to(wish: str, names: Sequence[str]) -> str:
    """What follows 'there is no such name': the names that there are, and the one that may be meant."""
    by_folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(wish.casefold(), by_folded, n=1)
    hint = f"did you mean '{by_folded[close[0]]}'? " if close else ""
    return f"{hint}There are: {', '.join(names) or 'none'}."
