"""CSV files, read so that a damaged or cut one never passes for whole."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import islice
from typing import Final, TextIO

from halo_agent.connectors.spreadsheet import encodings, files
from halo_agent.connectors.spreadsheet.files import SourceFile
from halo_agent.connectors.spreadsheet.settings import SpreadsheetSettings
from halo_agent.connectors.spreadsheet.table import DamagedRow, Row, Table, folded_name, is_blank
from halo_shared.errors import IncompleteRead, SettingsInvalid

DELIMITERS: Final = (",", ";", "\t", "|")
_NAMES: Final = {"\t": "tabs"}
_LONGEST_LINE: Final = 1_000_000
"""Characters; without a bound, a file that is no table would be read into memory in one piece."""


class Lines:
    """The lines of a text, and whether the last one given was whole."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._ends: tuple[str, ...] = ()
        self.ended = True

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(_LONGEST_LINE)
        if not line:
            raise StopIteration
        if len(line) == _LONGEST_LINE:
            raise csv.Error(f"a line is longer than {_LONGEST_LINE:,} characters")
        if not self._ends:
            # A lone return ends a line only where the first line ends so: elsewhere its feed was cut off.
            self._ends = ("\n", "\r") if line.endswith("\r") else ("\n",)
        self.ended = line.endswith(self._ends)
        return line


class CsvReader:
    """One pass over a text: its header, then its rows."""

    def __init__(self, text: TextIO, delimiter: str, settings: SpreadsheetSettings) -> None:
        text.seek(0)
        self.delimiter = delimiter
        self.lines = Lines(text)
        self._settings = settings
        self._rows = csv.reader(self.lines, delimiter=delimiter, strict=True)
        self.header: Sequence[str] = next(islice(self._rows, settings.header_row - 1, None), ())

    def rows(self, encoding: str) -> Iterator[Row | DamagedRow]:
        """The rows below the header; nothing is believed below a quote that is out of place."""
        number = self._settings.header_row
        while True:
            number += 1
            try:
                cells = next(self._rows, None)
            except csv.Error as error:
                yield DamagedRow(
                    number,
                    f"cells cannot be told apart from here to the end of the file ({error}): look "
                    "for a quote that is never closed, or not doubled inside a quoted cell",
                )
                return
            except UnicodeDecodeError:
                yield DamagedRow(number, "the file ends in the middle of a character")
                return
            if cells is None:
                return
            if reason := self._damage(cells, encoding):
                yield DamagedRow(number, reason)
            elif not is_blank(cells):
                yield Row(number, cells)

    def _damage(self, cells: Sequence[str], encoding: str) -> str | None:
        """Why this row cannot be relied on."""
        if not self.lines.ended and self._settings.final_line_end == "required":
            return (
                "the file ends without a line end, so this row may be cut short; "
                "end the last line, or set final_line_end: optional"
            )
        if encodings.is_damaged("".join(cells)):
            return f"it holds bytes that are not {encoding}; correct it, or set 'encoding'"
        if len(cells) != len(self.header) and not is_blank(cells):
            return f"it has {len(cells)} cells where the header has {len(self.header)}"
        return None


@contextmanager
def opened(file: SourceFile, settings: SpreadsheetSettings) -> Iterator[Table]:
    """The table in a CSV file, its encoding and delimiter found out."""
    with files.reading(file) as raw:
        encoding = encodings.detect(raw, settings.encoding, file.label)
        raw.seek(0)
        with TextIOWrapper(raw, encoding, errors=encodings.on_damage(encoding), newline="") as text:
            reader = _reader(text, settings, file.label)
            _check_header(reader, settings, file.label, encoding)
            separated = _NAMES.get(reader.delimiter, f"'{reader.delimiter}'")
            yield Table(
                f"{encoding}, cells separated by {separated}",
                reader.header,
                reader.rows(encoding),
            )


def _reader(text: TextIO, settings: SpreadsheetSettings, label: str) -> CsvReader:
    delimiter = settings.delimiter or max(DELIMITERS, key=lambda delimiter: _fit(text, delimiter, settings))
    try:
        return CsvReader(text, delimiter, settings)
    except (csv.Error, UnicodeDecodeError) as error:
        raise IncompleteRead(f"{label}: the header cannot be read: {error}.") from error


def _fit(text: TextIO, delimiter: str, settings: SpreadsheetSettings) -> tuple[bool, int]:
    """How well this delimiter splits the header: only the right one sets the id column free."""
    try:
        header = CsvReader(text, delimiter, settings).header
    except (csv.Error, UnicodeDecodeError):
        return False, 0
    return folded_name(settings.id_column) in map(folded_name, header), len(header)


def _check_header(reader: CsvReader, settings: SpreadsheetSettings, label: str, encoding: str) -> None:
    if not reader.lines.ended:
        raise IncompleteRead(f"{label} ends within its header: it may have been cut short.")
    if is_blank(reader.header):
        raise SettingsInvalid(f"header_row: {label} names no columns in row {settings.header_row}.")
    if encodings.is_damaged("".join(reader.header)):
        raise SettingsInvalid(f"{label}: the header holds bytes that are not {encoding}; set 'encoding'.")
