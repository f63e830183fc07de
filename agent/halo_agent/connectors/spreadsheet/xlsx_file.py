"""Excel workbooks, read row by row."""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, BinaryIO, Final
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.cell.read_only import EMPTY_CELL

from halo_agent.connectors.spreadsheet import files
from halo_agent.connectors.spreadsheet.files import SourceFile
from halo_agent.connectors.spreadsheet.settings import SpreadsheetSettings
from halo_agent.connectors.spreadsheet.table import DamagedRow, Row, Table, close_to, is_blank
from halo_shared.errors import IncompleteRead, SettingsInvalid, SourceUnavailable

_ZIP: Final = b"PK"
_OLE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
"""How a workbook with a password starts, and one in the format before 2007."""
_BROKEN: Final = (BadZipFile, zlib.error, EOFError, ParseError, LookupError, TypeError, ValueError)
"""What comes out of the library when the inside of a workbook is not as it should be."""

Cells = Sequence[Any]  # Any: the library's cell classes share members, but no type


@contextmanager
def opened(file: SourceFile, settings: SpreadsheetSettings) -> Iterator[Table]:
    """The table in one sheet of a workbook."""
    with files.reading(file) as raw:
        book = _workbook(raw, file)
        try:
            sheet = _sheet(book, settings, file.label)
            sheet.reset_dimensions()  # some programs write a range that is too small
            rows = _unbroken(sheet.iter_rows(min_row=settings.header_row), file.label)
            numbered = enumerate(rows, start=settings.header_row)
            header = [cell_text(cell.value) for cell in next(numbered, (0, ()))[1]]
            if is_blank(header):
                raise SettingsInvalid(
                    f"header_row: {file.label} names no columns in row {settings.header_row}."
                )
            yield Table(f"sheet '{sheet.title}'", header, _rows(numbered, header))
        finally:
            book.close()


def cell_text(value: object) -> str:
    """A cell's value as text: ISO dates, plain numbers, and nothing for an empty cell."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case float():
            # Excel keeps 15 digits; what follows is noise of the conversion.
            return f"{Decimal(f'{value:.15g}').normalize():f}"
        case datetime():
            midnight = value.time() == time()  # which is how Excel keeps a date
            return value.date().isoformat() if midnight else value.isoformat(timespec="seconds")
        case date() | time():
            return value.isoformat()
    return str(value)


def _workbook(raw: BinaryIO, file: SourceFile) -> Workbook:
    start = raw.read(len(_OLE))
    if start == _OLE:
        raise SettingsInvalid(
            f"{file.label} has a password or is in the format of Excel 97: "
            "save it as an .xlsx workbook without a password."
        )
    if not start.startswith(_ZIP):
        raise _no_workbook(file)
    try:
        return load_workbook(raw, read_only=True, data_only=True, keep_links=False)
    except BadZipFile as error:
        raise SourceUnavailable(
            f"{file.label} is not a whole workbook: is it still being written?"
        ) from error
    except _BROKEN as error:
        raise _no_workbook(file) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise _no_workbook(file) from error  # without a number it is the library's, not the system's


def _no_workbook(file: SourceFile) -> SettingsInvalid:
    return SettingsInvalid(f"{file.label} is not an Excel workbook: save it as .xlsx.")


def _sheet(book: Workbook, settings: SpreadsheetSettings, label: str) -> Any:  # Any: see Cells
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if settings.sheet is None and sheets:
        return next(iter(sheets.values()))
    if settings.sheet in sheets:
        return sheets[settings.sheet]
    wish = settings.sheet or ""
    raise SettingsInvalid(f"sheet: {label} has no sheet '{wish}'; {close_to(wish, list(sheets))}")


def _unbroken(rows: Iterator[Cells], label: str) -> Iterator[Cells]:
    """These rows; raises IncompleteRead where the library can make no more sense of them."""
    try:
        yield from rows
    except _BROKEN as error:
        raise IncompleteRead(
            f"{label} is damaged: open it in Excel, let it repair the workbook and save it.",
            detail=repr(error),
        ) from error


def _rows(numbered: Iterator[tuple[int, Cells]], header: Sequence[str]) -> Iterator[Row | DamagedRow]:
    """The rows below the header; a cell under no name is somebody's note."""
    width = len(header)
    for number, found in numbered:
        row = [*found, *[EMPTY_CELL] * (width - len(found))][:width]
        texts = [cell_text(cell.value) for cell in row]
        errors = [
            f"column '{name}' holds the error {text}"
            for name, cell, text in zip(header, row, texts, strict=True)
            if cell.data_type == "e" and name.strip()
        ]
        if errors:
            yield DamagedRow(number, "; ".join(errors))
        elif not is_blank(texts):
            yield Row(number, texts)
