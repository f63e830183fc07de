"""What holds for any table."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from halo_agent.engine.ports import SourceItem
from halo_shared.errors import IncompleteRead, SettingsInvalid, SourceUnavailable
from tests.unit.agent.connectors.spreadsheet.tables import csv_text, is_full, read, reasons, records

ENCODINGS = {"utf-8": None, "utf-8-sig": None, "utf-16": None, "cp1252": "cp1252"}
"""How a table is written, and what must be said of it: a code page leaves no sure trace."""

any_text = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t\r"), max_size=8)
western_text = st.text(
    st.characters(codec="cp1252", exclude_categories=["Cc"]) | st.sampled_from("\n\t"), max_size=8
)


@st.composite
def tables(draw: st.DrawFn, cells: st.SearchStrategy[str]) -> list[list[str]]:
    """A header and rows of as many cells; ids are unique and not blank."""
    width = draw(st.integers(0, 3))
    header = ["Tag", *(f"Column {number}" for number in range(width))]
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=6))
    return [header, *([f"A{number}", *row] for number, row in enumerate(rows))]


def read_bytes(content: bytes, encoding: str | None) -> list[SourceItem]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "assets.csv"
        path.write_bytes(content)
        return asyncio.run(read(path, name_column=None, encoding=encoding))


def expected(table: list[list[str]]) -> list[dict[str, str | None]]:
    header, *rows = table
    return [
        {name: cell if cell.strip() else None for name, cell in zip(header, row, strict=True)} for row in rows
    ]


@settings(deadline=None)
@given(st.data(), st.sampled_from(sorted(ENCODINGS)), st.sampled_from(",;\t|"))
def test_a_table_is_read_back_as_it_was_written(data: st.DataObject, encoding: str, delimiter: str) -> None:
    table = data.draw(tables(western_text if encoding == "cp1252" else any_text))

    items = read_bytes(csv_text(table, delimiter=delimiter).encode(encoding), ENCODINGS[encoding])

    assert reasons(items) == {}
    assert [dict(record.attributes) for record in records(items)] == expected(table)
    assert is_full(items)


@settings(deadline=None)
@given(st.data(), st.sampled_from(sorted(ENCODINGS)), st.booleans())
def test_a_cut_never_invents_a_record_and_shows_when_it_went_through_a_row(
    data: st.DataObject, encoding: str, quote_all: bool
) -> None:
    table = data.draw(tables(western_text if encoding == "cp1252" else any_text))
    ends = _ends_of_rows(table, encoding, quote_all)
    content = csv_text(table, quote_all=quote_all).encode(encoding)
    cut = data.draw(st.integers(ends[0], len(content)))
    assume(cut not in ends)

    items = _read_or_refuse(content[:cut], ENCODINGS[encoding])

    whole = sum(end <= cut for end in ends) - 1
    assert [dict(record.attributes) for record in records(items)] == expected(table)[:whole]
    assert not items or not is_full(items)


def _ends_of_rows(table: list[list[str]], encoding: str, quote_all: bool) -> list[int]:
    """How long the file is after each row, the header first."""
    return [
        len(csv_text(table[:count], quote_all=quote_all).encode(encoding))
        for count in range(1, len(table) + 1)
    ]


def _read_or_refuse(content: bytes, encoding: str | None) -> list[SourceItem]:
    try:
        return read_bytes(content, encoding)
    except (IncompleteRead, SettingsInvalid, SourceUnavailable):
        return []
