"""Reads users or assets from spreadsheets; never writes to them."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from itertools import islice
from typing import Final

from halo_agent.connectors import CheckStep, Secrets
from halo_agent.connectors.spreadsheet import csv_file, files, table, xlsx_file
from halo_agent.connectors.spreadsheet.files import SourceFile
from halo_agent.connectors.spreadsheet.records import to_record
from halo_agent.connectors.spreadsheet.settings import SpreadsheetSettings
from halo_agent.connectors.spreadsheet.table import Columns, Table
from halo_agent.connectors.spreadsheet.threads import from_thread
from halo_agent.engine.ports import SourceItem, Wanted
from halo_agent.engine.records import Finished, SourceRecord, UnreadableRecord
from halo_shared.entities import EntityKind
from halo_shared.errors import IncompleteRead, SettingsInvalid

_BATCH: Final = 500
_SAMPLE: Final = 3


class SpreadsheetSource:
    """One table, in one file or several."""

    def __init__(self, settings: SpreadsheetSettings) -> None:
        self._settings = settings

    def read(self, wanted: Wanted) -> AsyncGenerator[SourceItem, None]:
        """Every row, in every mode: a file does not tell what changed in it."""
        return from_thread(self._items(wanted.kind), at_a_time=_BATCH)

    def check(self) -> AsyncIterator[CheckStep]:
        """Find the files, open them, find the columns, show the first rows."""
        return from_thread(self._steps(), at_a_time=1)

    def _items(self, kind: EntityKind) -> Generator[SourceItem, None, None]:
        if kind is not self._settings.entity:
            raise SettingsInvalid(
                f"entity: the table holds {self._settings.entity}, but the integration asks for "
                f"{kind}: make an integration for each."
            )
        found = files.find(self._settings.path)
        empty = full = True
        for item in self._records(found):
            empty = False
            full = full and isinstance(item, SourceRecord)
            yield item
        files.prove_unchanged(self._settings.path, found)
        if empty:
            raise IncompleteRead(
                f"There is no row below the header of {_labels(found)}: an export that failed "
                "looks the same, so it proves nothing."
            )
        yield Finished(full=full)

    def _records(self, found: Sequence[SourceFile]) -> Generator[SourceRecord | UnreadableRecord, None, None]:
        """The rows of all files, each id once."""
        places: dict[str, str] = {}
        for file in found:
            with self._open(file) as content:
                columns = self._columns(file, content)
                for row in content.rows:
                    place = f"{file.label} row {row.number}"
                    record = to_record(row, columns, self._settings, place)
                    if isinstance(record, SourceRecord) and record.id in places:
                        record = UnreadableRecord(
                            record.kind, place, f"{places[record.id]} has its id '{record.id}' too"
                        )
                    elif isinstance(record, SourceRecord):
                        places[record.id] = place
                    yield record

    def _steps(self) -> Generator[CheckStep, None, None]:
        found = files.find(self._settings.path)
        yield CheckStep("files", _labels(found))
        yield CheckStep("open", self._look(found, lambda _, content: content.format))
        yield CheckStep("columns", self._look(found, self._column_names))
        yield CheckStep("sample", self._look(found, self._sample))

    def _look(self, found: Sequence[SourceFile], at: Callable[[SourceFile, Table], str]) -> str:
        shown = []
        for file in found:
            with self._open(file) as content:
                shown.append(f"{file.label}: {at(file, content)}")
        return "\n".join(shown)

    def _column_names(self, file: SourceFile, content: Table) -> str:
        return ", ".join(self._columns(file, content).named)

    def _sample(self, file: SourceFile, content: Table) -> str:
        columns = self._columns(file, content)
        shown = [
            _shown(to_record(row, columns, self._settings, f"row {row.number}"))
            for row in islice(content.rows, _SAMPLE)
        ]
        return ", ".join(shown) or "no row below the header"

    def _columns(self, file: SourceFile, content: Table) -> Columns:
        return table.resolve(content.header, self._settings, file.label)

    def _open(self, file: SourceFile) -> AbstractContextManager[Table]:
        if file.path.suffix.lower() == ".csv":
            return csv_file.opened(file, self._settings)
        return xlsx_file.opened(file, self._settings)


@asynccontextmanager
async def opened(settings: SpreadsheetSettings, secrets: Secrets) -> AsyncIterator[SpreadsheetSource]:
    """The source; every read and check opens and closes the files itself."""
    yield SpreadsheetSource(settings)


def _labels(found: Sequence[SourceFile]) -> str:
    return ", ".join(file.label for file in found)


def _shown(record: SourceRecord | UnreadableRecord) -> str:
    if isinstance(record, UnreadableRecord):
        return f"{record.place} cannot be read: {record.reason}"
    return record.id if record.name == record.id else f"{record.id} ({record.name})"
