"""CSV files: what is read, what is reported, and what proves nothing."""

from pathlib import Path

import pytest

from halo_shared.errors import IncompleteRead, SettingsInvalid
from tests.unit.agent.connectors.spreadsheet import tables
from tests.unit.agent.connectors.spreadsheet.tables import checked, ids, is_full, read, reasons, records


def saved(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "assets.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


async def test_a_row_becomes_a_record(tmp_path: Path) -> None:
    items = await read(saved(tmp_path, "Tag,Name,Site\nA1,Laptop,\n"))

    (record,) = records(items)
    assert (record.kind, record.id, record.name, record.active) == ("assets", "A1", "Laptop", True)
    assert record.attributes == {"Tag": "A1", "Name": "Laptop", "Site": None}
    assert is_full(items)


async def test_empty_rows_are_skipped_and_counted(tmp_path: Path) -> None:
    items = await read(saved(tmp_path, "Tag,Name\nA1,x\n\n , \n,\nA2\n"))

    assert ids(items) == ["A1"]
    assert list(reasons(items)) == ["assets.csv row 6"]


async def test_a_quoted_line_break_does_not_shift_the_row_numbers(tmp_path: Path) -> None:
    items = await read(saved(tmp_path, 'Tag,Name\nA1,"two\nlines"\n,nobody\n'))

    assert records(items)[0].name == "two\nlines"
    assert list(reasons(items)) == ["assets.csv row 3"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (" ,x", "nothing is in the id column 'Tag'"),
        ("A1,again", "assets.csv row 2 has its id 'A1' too"),
        ("A2", "it has 1 cells where the header has 2"),
        ("A2,x,", "it has 3 cells where the header has 2"),
    ],
)
async def test_a_bad_row_is_reported_and_the_others_are_read(tmp_path: Path, row: str, reason: str) -> None:
    items = await read(saved(tmp_path, f"Tag,Name\nA1,x\n{row}\nA9,x\n"))

    assert ids(items) == ["A1", "A9"]
    assert reasons(items) == {"assets.csv row 3": reason}
    assert not is_full(items)


async def test_bytes_that_are_no_text_spoil_their_row_only(tmp_path: Path) -> None:
    items = await read(saved(tmp_path, "Tag,Name\nA1,Büro\nA2,".encode() + b"B\xfcro\nA3,x\n"))

    assert ids(items) == ["A1", "A3"]
    assert "not utf-8" in reasons(items)["assets.csv row 3"]
    assert not is_full(items)


@pytest.mark.parametrize("row", ['A2,"x', 'A2,"24" screen"', 'A2,"' + "x" * 200_000 + '"'])
async def test_below_a_misplaced_quote_nothing_is_believed(tmp_path: Path, row: str) -> None:
    items = await read(saved(tmp_path, f"Tag,Name\nA1,x\n{row}\nA3,y\nA4,z\n"))

    assert ids(items) == ["A1"]
    assert "quote" in reasons(items)["assets.csv row 3"]
    assert not is_full(items)


async def test_a_line_without_an_end_is_not_read_into_memory(tmp_path: Path) -> None:
    items = await read(saved(tmp_path, "Tag,Name\nA1," + "x,y" * 500_000))

    assert "longer than 1,000,000 characters" in reasons(items)["assets.csv row 2"]
    assert not is_full(items)


@pytest.mark.parametrize("end", ["A2,Lapt", "A2,Laptop\r", "A2,", "A2", ",", " "])
async def test_a_last_row_without_line_end_may_be_cut_short(tmp_path: Path, end: str) -> None:
    items = await read(saved(tmp_path, f"Tag,Name\r\nA1,x\r\n{end}"))

    assert ids(items) == ["A1"]
    assert "final_line_end" in reasons(items)["assets.csv row 3"]
    assert not is_full(items)


async def test_a_tool_that_never_ends_the_last_line_can_be_trusted(tmp_path: Path) -> None:
    items = await read(saved(tmp_path, "Tag,Name\nA1,x\nA2,y"), final_line_end="optional")

    assert ids(items) == ["A1", "A2"]
    assert is_full(items)


async def test_trust_ends_where_cells_are_missing(tmp_path: Path) -> None:
    items = await read(saved(tmp_path, "Tag,Name\nA1,x\nA2"), final_line_end="optional")

    assert ids(items) == ["A1"]
    assert not is_full(items)


async def test_lone_returns_end_lines_when_the_first_line_ends_so(tmp_path: Path) -> None:
    items = await read(saved(tmp_path, "Tag,Name\rA1,x\rA2,y\r"))

    assert ids(items) == ["A1", "A2"]
    assert is_full(items)


async def test_half_a_utf16_character_at_the_end_is_a_cut(tmp_path: Path) -> None:
    whole = "Tag,Name\nA1,x\nA2,y\n".encode("utf-16")
    items = await read(saved(tmp_path, whole[:-1]))

    assert ids(items) == ["A1"]
    assert reasons(items) == {"assets.csv row 3": "the file ends in the middle of a character"}
    assert not is_full(items)


async def test_half_a_utf16_pair_spoils_its_row(tmp_path: Path) -> None:
    content = b"\xff\xfe" + "Tag,Name\nA1,".encode("utf-16-le") + b"\x00\xd8" + "\nA2,y\n".encode("utf-16-le")
    items = await read(saved(tmp_path, content))

    assert ids(items) == ["A2"]
    assert "not utf-16" in reasons(items)["assets.csv row 2"]


@pytest.mark.parametrize("content", ["Tag,Na", "Tag,Name", 'Tag,"Na', '"Tag,Na'])
async def test_a_cut_header_stops_the_read(tmp_path: Path, content: str) -> None:
    with pytest.raises(IncompleteRead, match="header"):
        await read(saved(tmp_path, content))


async def test_a_header_that_is_not_in_the_encoding_is_a_setting_to_change(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="set 'encoding'"):
        await read(saved(tmp_path, "Tag,Name,Gerät\nA1,x,y\n".encode("cp1252")), encoding="utf-8")


async def test_rows_above_the_header_are_ignored(tmp_path: Path) -> None:
    items = await read(saved(tmp_path, "Stock list; of all sites\n\nTag;Name\nA1;x\n;y\n"), header_row=3)

    assert ids(items) == ["A1"]
    assert list(reasons(items)) == ["assets.csv row 5"]


@pytest.mark.parametrize("row", [2, 9])
async def test_a_header_row_that_is_not_there_is_a_setting_to_change(tmp_path: Path, row: int) -> None:
    with pytest.raises(SettingsInvalid, match=f"names no columns in row {row}"):
        await read(saved(tmp_path, "Tag,Name\n\nA1,x\n"), header_row=row)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("Tag,Name", "','"),
        ("Tag;Name (first, last, other);Site", "';'"),
        ("Name\tTag", "tabs"),
        ("Name|Tag|a,b,c,d", "'|'"),
        ("Tag", "','"),
    ],
)
async def test_the_delimiter_is_the_one_that_sets_the_id_column_free(
    tmp_path: Path, header: str, found: str
) -> None:
    steps = await checked(saved(tmp_path, header + "\n"), name_column=None)

    assert steps["open"] == f"assets.csv: utf-8, cells separated by {found}"


async def test_a_delimiter_that_is_set_is_used(tmp_path: Path) -> None:
    items = await read(saved(tmp_path, "Tag^Name\nA1^x, y; z\n"), delimiter="^")

    assert records(items)[0].name == "x, y; z"


async def test_the_columns_that_are_there_are_named_when_one_is_missing(tmp_path: Path) -> None:
    path = tables.write_csv(tmp_path / "assets.csv", [("Asset Tag", "Name"), ("A1", "x")])

    with pytest.raises(SettingsInvalid) as refused:
        await read(path, id_column="Asset-Tag")

    assert refused.value.message == (
        "id_column: assets.csv has no column 'Asset-Tag'; did you mean 'Asset Tag'? There are: Asset Tag, Name."
    )
