"""Tables on disk, and what a source makes of them."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from openpyxl import Workbook

from halo_agent.connectors.spreadsheet.settings import SpreadsheetSettings
from halo_agent.connectors.spreadsheet.source import SpreadsheetSource
from halo_agent.engine.ports import SourceItem, Wanted
from halo_agent.engine.records import Finished, SourceRecord, UnreadableRecord
from halo_shared.entities import EntityKind

HEADER = ("Tag", "Name", "Serial")
ROWS = (("A1", "Laptop", "S-1"), ("A2", "Dock, large", "S-2"), ("A3", "Büro", "S-3"))


def csv_text(rows: Sequence[Sequence[str]], *, delimiter: str = ",", quote_all: bool = False) -> str:
    text = io.StringIO(newline="")
    quoting: Literal[0, 1] = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    csv.writer(text, delimiter=delimiter, quoting=quoting).writerows(rows)
    return text.getvalue()


def write_csv(path: Path, rows: Sequence[Sequence[str]] = (HEADER, *ROWS), encoding: str = "utf-8") -> Path:
    path.write_bytes(csv_text(rows).encode(encoding))
    return path


def write_xlsx(path: Path, rows: Sequence[Sequence[object]] = (HEADER, *ROWS)) -> Path:
    book = Workbook()
    for row in rows:
        book.worksheets[0].append(list(row))
    book.save(path)
    return path


def settings(path: Path | str, **more: Any) -> SpreadsheetSettings:
    given = {"path": str(path), "entity": "assets", "id_column": "Tag", "name_column": "Name", **more}
    return SpreadsheetSettings.model_validate(given)


async def read(path: Path | str, **more: Any) -> list[SourceItem]:
    source = SpreadsheetSource(settings(path, **more))
    return [item async for item in source.read(Wanted(EntityKind.ASSETS))]


async def checked(path: Path | str, **more: Any) -> dict[str, str]:
    return {step.stage: step.found async for step in SpreadsheetSource(settings(path, **more)).check()}


def records(items: Sequence[SourceItem]) -> list[SourceRecord]:
    return [item for item in items if isinstance(item, SourceRecord)]


def ids(items: Sequence[SourceItem]) -> list[str]:
    return [record.id for record in records(items)]


def reasons(items: Sequence[SourceItem]) -> dict[str, str]:
    """Place to reason of all that could not be read."""
    return {item.place: item.reason for item in items if isinstance(item, UnreadableRecord)}


def is_full(items: Sequence[SourceItem]) -> bool:
    last = items[-1]
    assert isinstance(last, Finished)
    return last.full
