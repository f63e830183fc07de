"""Tables through the connector, against the bare loop of the library that reads them."""

import csv
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import openpyxl

from bench.child import Work, memory, race, speed
from bench.people import person
from bench.reading import reading
from bench.rounds import Comparison
from halo_agent.connectors.spreadsheet import CONNECTOR

CSV_ROWS: Final = 100_000
XLSX_ROWS: Final = 20_000
XLSX_COLUMNS: Final = ("uid", "cn", "mail", "title")
"""Few: the library needs most of the time, and needs it for each cell."""


async def measure() -> Sequence[Comparison]:
    """Both formats."""
    with TemporaryDirectory(prefix="halo-bench-") as folder:
        table, book = Path(folder, "people.csv"), Path(folder, "people.xlsx")
        _write_csv(table)
        _write_xlsx(book)
        return [
            *await _compare(table, f"{CSV_ROWS:,} rows of CSV", _bare_csv, "a loop over csv.reader"),
            *await _compare(
                book, f"{XLSX_ROWS:,} rows of XLSX", _bare_xlsx, "a loop over openpyxl, read-only"
            ),
        ]


async def _compare(file: Path, what: str, bare: Callable[[Path], Work], against: str) -> Sequence[Comparison]:
    product, peer = await race(partial(_connector, file), partial(bare, file))
    return [speed(what, against, product, peer), memory(against, product, peer)]


def _connector(file: Path) -> Work:
    settings = {"path": str(file), "entity": "users", "id_column": "uid", "name_column": "cn"}
    return reading(CONNECTOR, settings, secrets={})


def _bare_csv(file: Path) -> Work:
    def read() -> int:
        with file.open(encoding="utf-8", newline="") as text:
            return sum(1 for _ in csv.reader(text)) - 1

    return read


def _bare_xlsx(file: Path) -> Work:
    def read() -> int:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        try:
            return sum(1 for _ in book.worksheets[0].iter_rows(values_only=True)) - 1
        finally:
            book.close()

    return read


def _write_csv(file: Path) -> None:
    with file.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, person(0))
        writer.writeheader()
        writer.writerows(map(person, range(CSV_ROWS)))


def _write_xlsx(file: Path) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("People")
    sheet.append(XLSX_COLUMNS)
    for number in range(XLSX_ROWS):
        row = person(number)
        sheet.append([row[column] for column in XLSX_COLUMNS])
    book.save(file)
