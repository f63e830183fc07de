"""What a row says about a user or an asset."""

from halo_agent.connectors.spreadsheet.settings import SpreadsheetSettings
from halo_agent.connectors.spreadsheet.table import Columns, DamagedRow, Row
from halo_agent.engine.records import SourceRecord, UnreadableRecord


def to_record(
    row: Row | DamagedRow, columns: Columns, settings: SpreadsheetSettings, place: str
) -> SourceRecord | UnreadableRecord:
    """The record in this row, or why there is none."""
    if isinstance(row, DamagedRow):
        return UnreadableRecord(settings.entity, place, row.reason)
    id_ = row.cells[columns.id].strip()
    if not id_:
        return UnreadableRecord(settings.entity, place, f"nothing is in the id column '{settings.id_column}'")
    return SourceRecord(
        kind=settings.entity,
        id=id_,
        name=row.cells[columns.name].strip() or id_,
        attributes={
            name: row.cells[position] if row.cells[position].strip() else None
            for name, position in columns.named.items()
        },
        active=not _is_inactive(row, columns, settings),
    )


def _is_inactive(row: Row, columns: Columns, settings: SpreadsheetSettings) -> bool:
    if settings.inactive is None or columns.inactive is None:
        return False
    said = row.cells[columns.inactive].strip().casefold()
    return said in {value.strip().casefold() for value in settings.inactive.values}
