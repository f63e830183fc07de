"""What an integration may say about its spreadsheets."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from halo_shared.entities import EntityKind
from halo_shared.mapping import Strict


def _absolute(path: str) -> str:
    if not Path(path).is_absolute():
        raise ValueError(
            f"'{path}' must be a full path: an agent that runs as a service has no folder of its own"
        )
    return path


def _known_encoding(encoding: str) -> str:
    try:
        "".encode(encoding)
    except LookupError as error:
        raise ValueError(f"'{encoding}' is not a known text encoding; try utf-8, utf-16 or cp1252") from error
    return encoding


def _can_separate(delimiter: str) -> str:
    if delimiter in '"\r\n':
        raise ValueError("must be a character that separates cells, as in ';'")
    return delimiter


ColumnName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Delimiter = Annotated[str, StringConstraints(min_length=1, max_length=1), AfterValidator(_can_separate)]


class InactiveWhen(Strict):
    """How a row says that its user or asset is out of use."""

    column: ColumnName = Field(description="The column that tells, as in Status.")
    values: tuple[str, ...] = Field(
        min_length=1,
        description="The values that mean 'out of use', in any case, as in [retired, disposed].",
    )


class SpreadsheetSettings(Strict):
    """Where the table is and which of its columns say what."""

    path: Annotated[str, AfterValidator(_absolute)] = Field(
        description="Full path, on the agent's machine, of a .csv or .xlsx file, of a folder of them, "
        "or a pattern such as /srv/exports/assets-*.csv. Several files are read as one table."
    )
    entity: Literal[EntityKind.USERS, EntityKind.ASSETS] = Field(
        description="What a row is: users or assets."
    )
    id_column: ColumnName = Field(
        description="The column that identifies a row for ever, as in Asset Tag: "
        "filled and unique, and never changed or used again."
    )
    name_column: ColumnName | None = Field(
        default=None,
        description="The column that people call it by; the id column when left out.",
    )
    required: tuple[ColumnName, ...] = Field(
        default=(),
        description="Further columns that must be there, best every column that the mapping uses: "
        "a column that was renamed is then an error, where it would pass for empty.",
    )
    inactive: InactiveWhen | None = Field(
        default=None,
        description="How a row says that it is out of use; when left out, every row is in use.",
    )
    header_row: int = Field(
        default=1, ge=1, description="The row that names the columns; the rows above it are ignored."
    )
    sheet: str | None = Field(
        default=None,
        description="The sheet to read, for Excel workbooks; the first one when left out.",
    )
    delimiter: Delimiter | None = Field(
        default=None,
        description="What separates cells, for CSV files; found among , ; tab and | when left out.",
    )
    encoding: Annotated[str, AfterValidator(_known_encoding)] | None = Field(
        default=None,
        description="The encoding of CSV files that do not tell it by a byte order mark, as in cp1252; "
        "found out from the text when left out.",
    )
    final_line_end: Literal["required", "optional"] = Field(
        default="required",
        description="Whether a CSV file whose last line is not ended counts as cut short. Say 'optional' "
        "only for a tool that never ends it: then a file cut within its last cell passes for whole.",
    )
