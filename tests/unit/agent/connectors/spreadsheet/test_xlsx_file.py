"""Excel workbooks: what their cells become, and what a damaged one says."""

import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from openpyxl import Workbook

from halo_agent.connectors.spreadsheet.xlsx_file import cell_text
from halo_shared.errors import IncompleteRead, SettingsInvalid, SourceUnavailable
from tests.unit.agent.connectors.spreadsheet.tables import (
    HEADER,
    checked,
    csv_text,
    ids,
    is_full,
    read,
    reasons,
    records,
    write_xlsx,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("007", "007"),
        (7, "7"),
        (1.0, "1"),
        (0.1 + 0.2, "0.3"),
        (-2.50, "-2.5"),
        (1e-7, "0.0000001"),
        (1e20, "100000000000000000000"),
        (True, "TRUE"),
        (datetime(2024, 1, 31), "2024-01-31"),  # noqa: DTZ001  # cells have no time zone
        (datetime(2024, 1, 31, 8, 30), "2024-01-31T08:30:00"),  # noqa: DTZ001
        (date(2024, 1, 31), "2024-01-31"),
        (time(8, 30), "08:30:00"),
        (timedelta(hours=30), "1 day, 6:00:00"),
    ],
)
def test_a_value_becomes_text(value: object, text: str) -> None:
    assert cell_text(value) == text


async def test_cells_come_back_from_a_workbook(tmp_path: Path) -> None:
    header = ("Tag", "Name", "Bought", "Price", "Units", "Leased", "Gone")
    row = (1001, "Büro", datetime(2024, 1, 31), 12.5, 3.0, False, None)  # noqa: DTZ001
    items = await read(write_xlsx(tmp_path / "assets.xlsx", [header, row]))

    (record,) = records(items)
    assert record.id == "1001"
    assert record.attributes == {
        "Tag": "1001",
        "Name": "Büro",
        "Bought": "2024-01-31",
        "Price": "12.5",
        "Units": "3",
        "Leased": "FALSE",
        "Gone": None,
    }
    assert is_full(items)


async def test_a_table_says_the_same_as_csv_and_as_workbook(tmp_path: Path) -> None:
    rows = [HEADER, ("A1", "Laptop", "0017"), ("A2", "", "x\ny"), ("", "", ""), ("A3", "Büro", "")]
    (tmp_path / "t.csv").write_bytes(csv_text(rows).encode())
    write_xlsx(tmp_path / "t.xlsx", rows)

    assert await read(tmp_path / "t.csv") == await read(tmp_path / "t.xlsx")


async def test_empty_rows_are_skipped_and_counted(tmp_path: Path) -> None:
    rows = [HEADER, ("A1", "x", ""), (), (" ", None, ""), (None, "nobody", "")]
    items = await read(write_xlsx(tmp_path / "assets.xlsx", rows))

    assert ids(items) == ["A1"]
    assert list(reasons(items)) == ["assets.xlsx row 5"]


async def test_cells_outside_the_header_are_notes(tmp_path: Path) -> None:
    rows = [("Tag", None, "Name"), ("A1", "note", "x", "note"), ("A2",)]
    items = await read(write_xlsx(tmp_path / "assets.xlsx", rows))

    assert [record.attributes for record in records(items)] == [
        {"Tag": "A1", "Name": "x"},
        {"Tag": "A2", "Name": None},
    ]
    assert is_full(items)


async def test_a_cell_with_an_error_spoils_its_row(tmp_path: Path) -> None:
    rows = [HEADER, ("A1", "x", "#REF!"), ("A2", "y", "S")]
    items = await read(write_xlsx(tmp_path / "assets.xlsx", rows))

    assert ids(items) == ["A2"]
    assert reasons(items) == {"assets.xlsx row 2": "column 'Serial' holds the error #REF!"}
    assert not is_full(items)


async def test_a_formula_counts_as_the_value_that_was_saved(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "assets.xlsx", [HEADER, ("A1", "x", 5)])
    _rewrite(path, b"<v>5</v>", b"<f>B2&amp;1</f><v>5</v>")

    assert records(await read(path))[0].attributes["Serial"] == "5"


async def test_a_range_that_is_too_small_hides_nothing(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "assets.xlsx")
    _rewrite(path, b'ref="A1:C4"', b'ref="A1:B2"')

    items = await read(path)

    assert ids(items) == ["A1", "A2", "A3"]
    assert records(items)[2].attributes["Serial"] == "S-3"


async def test_a_sheet_is_chosen_by_name(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.create_sheet("Assets")
    for row in (("Tag", "Name"), ("A1", "x")):
        sheet.append(row)
    book.save(tmp_path / "assets.xlsx")

    assert ids(await read(tmp_path / "assets.xlsx", sheet="Assets")) == ["A1"]
    assert (await checked(tmp_path / "assets.xlsx", sheet="Assets"))["open"] == "assets.xlsx: sheet 'Assets'"
    with pytest.raises(SettingsInvalid, match="no sheet 'asets'; did you mean 'Assets'"):
        await read(tmp_path / "assets.xlsx", sheet="asets")
    with pytest.raises(SettingsInvalid, match="names no columns in row 1"):
        await read(tmp_path / "assets.xlsx")


async def test_rows_above_the_header_are_ignored(tmp_path: Path) -> None:
    rows = [("Stock list",), (), ("Tag", "Name"), ("A1", "x"), (None, "y")]
    items = await read(write_xlsx(tmp_path / "assets.xlsx", rows), header_row=3)

    assert ids(items) == ["A1"]
    assert list(reasons(items)) == ["assets.xlsx row 5"]


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9, 0.999])
async def test_half_a_workbook_is_tried_again_later(tmp_path: Path, share: float) -> None:
    path = write_xlsx(tmp_path / "assets.xlsx")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])

    with pytest.raises(SourceUnavailable, match="not a whole workbook"):
        await read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(512), "has a password"),
        (b"Tag,Name\nA1,x\n", "not an Excel workbook"),
    ],
)
async def test_what_is_no_open_workbook_needs_a_person(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "assets.xlsx"
    path.write_bytes(content)

    with pytest.raises(SettingsInvalid, match=message):
        await read(path)


async def test_another_archive_is_no_workbook(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "assets.xlsx", "w") as archive:
        archive.writestr("readme.txt", "hello")

    with pytest.raises(SettingsInvalid, match="not an Excel workbook"):
        await read(tmp_path / "assets.xlsx")


async def test_a_document_of_another_office_program_is_no_workbook(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "assets.xlsx")
    _rewrite(path, b"spreadsheetml.sheet.main+xml", b"wordprocessingml.document.main+xml")

    with pytest.raises(SettingsInvalid, match="not an Excel workbook"):
        await read(path)


@pytest.mark.parametrize(
    ("whole", "broken"),
    [
        (b'<row r="3"', b'<row r="?"'),
        (b'<row r="3"', b"<row <"),
        (b't="inlineStr"><is><t>A2</t></is>', b't="s"><v>999</v>'),
    ],
)
async def test_a_damaged_sheet_stops_the_read(tmp_path: Path, whole: bytes, broken: bytes) -> None:
    path = write_xlsx(tmp_path / "assets.xlsx")
    _rewrite(path, whole, broken)

    with pytest.raises(IncompleteRead, match="is damaged"):
        await read(path)


async def test_a_changed_bit_stops_the_read(tmp_path: Path) -> None:
    rows = [HEADER, *((f"A{number}", "x", "") for number in range(2_000)), ("LAST", "x", "")]
    path = write_xlsx(tmp_path / "assets.xlsx", rows)
    _rewrite(path, b"LAST", b"L4ST")
    path.write_bytes(path.read_bytes().replace(b"L4ST", b"LOST"))

    with pytest.raises(IncompleteRead, match="is damaged"):
        await read(path)


def _rewrite(path: Path, old: bytes, new: bytes) -> None:
    """The same workbook with other bytes in one of its parts."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert any(old in content for content in parts.values())
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content.replace(old, new, 1))
