"""Which files are read, and what a missing, refused or changing one means."""

import os
from errno import EACCES, EIO
from pathlib import Path

import pytest

from halo_agent.connectors.spreadsheet import files
from halo_agent.connectors.spreadsheet.source import SpreadsheetSource
from halo_agent.engine.ports import Wanted
from halo_shared.entities import EntityKind
from halo_shared.errors import IncompleteRead, PermissionMissing, SettingsInvalid, SourceUnavailable
from tests.unit.agent.connectors.spreadsheet.tables import (
    HEADER,
    ids,
    is_full,
    read,
    reasons,
    settings,
    write_csv,
    write_xlsx,
)


def rows(*tags: str) -> list[tuple[str, ...]]:
    return [HEADER, *((tag, f"name of {tag}", "") for tag in tags)]


async def test_a_folder_is_one_table_in_the_order_of_names(tmp_path: Path) -> None:
    write_csv(tmp_path / "c.CSV", rows("C1"))
    write_xlsx(tmp_path / "b.xlsx", rows("B1", "B2"))
    write_csv(tmp_path / "a.csv", rows("A1"))
    (tmp_path / "notes.txt").write_text("no table")
    (tmp_path / "~$b.xlsx").write_bytes(b"Excel has it open")
    (tmp_path / ".hidden.csv").write_text("half an upload")
    (tmp_path / "folder.csv").mkdir()

    items = await read(tmp_path)

    assert ids(items) == ["A1", "B1", "B2", "C1"]
    assert is_full(items)


async def test_an_id_in_two_files_is_reported_with_its_first_place(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", rows("A1", "X"))
    write_xlsx(tmp_path / "b.xlsx", rows("B1", "X"))

    items = await read(tmp_path)

    assert ids(items) == ["A1", "X", "B1"]
    assert reasons(items) == {"b.xlsx row 3": "a.csv row 3 has its id 'X' too"}
    assert not is_full(items)


async def test_a_pattern_chooses_files_and_labels_tell_them_apart(tmp_path: Path) -> None:
    for site in ("north", "south"):
        (tmp_path / site).mkdir()
        write_csv(tmp_path / site / "assets.csv", rows(site, ""))
        write_csv(tmp_path / site / "other.csv", rows("unwanted"))

    items = await read(tmp_path / "*" / "assets.csv")

    assert ids(items) == ["north", "south"]
    assert list(reasons(items)) == ["north/assets.csv row 3", "south/assets.csv row 3"]


async def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    assert ids(await read(write_csv(tmp_path / "assets[1].csv", rows("A1")))) == ["A1"]


@pytest.mark.parametrize("name", ["missing.csv", "missing/assets.csv", "no-*.csv", ""])
async def test_nothing_to_read_is_tried_again_later(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("no table")

    with pytest.raises(SourceUnavailable, match="There is no file to read"):
        await read(tmp_path / name)


@pytest.mark.parametrize("name", ["assets.csv", "assets.xlsx"])
async def test_an_empty_file_is_tried_again_later(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()

    with pytest.raises(SourceUnavailable, match=f"{name} is empty"):
        await read(tmp_path)


async def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "assets.ods").write_bytes(b"x")

    with pytest.raises(SettingsInvalid, match=r"neither .csv nor .xlsx"):
        await read(tmp_path / "assets.ods")


@pytest.mark.parametrize("write", [write_csv, write_xlsx])
async def test_a_header_alone_proves_nothing(tmp_path: Path, write: type) -> None:
    suffix = "csv" if write is write_csv else "xlsx"
    write(tmp_path / f"assets.{suffix}", [HEADER])

    with pytest.raises(IncompleteRead, match=f"no row below the header of assets.{suffix}"):
        await read(tmp_path)


async def test_one_empty_table_among_others_is_just_empty(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [HEADER])
    write_csv(tmp_path / "b.csv", rows("B1"))

    items = await read(tmp_path)

    assert ids(items) == ["B1"]
    assert is_full(items)


def _append(path: Path) -> None:
    with path.open("a") as file:
        file.write("A9,x,\n")


def _touch(path: Path) -> None:
    os.utime(path, (1, 1))


def _replace(path: Path) -> None:
    write_csv(path.with_name("new.tmp"), rows("A1")).replace(path)


def _add(path: Path) -> None:
    write_csv(path.with_name("another.csv"), rows("Z1"))


def _take_away(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("change", [_append, _touch, _replace, _add, _take_away])
async def test_a_change_during_the_read_makes_it_incomplete(tmp_path: Path, change: type) -> None:
    path = write_csv(tmp_path / "a.csv", rows(*(f"A{number}" for number in range(2_000))))
    write_csv(tmp_path / "b.csv", rows("B1"))
    items = SpreadsheetSource(settings(tmp_path)).read(Wanted(EntityKind.ASSETS))
    await anext(items)

    change(path)

    with pytest.raises(IncompleteRead, match="Changed while it was read: a"):
        async for _ in items:
            pass


def _locked() -> PermissionError:
    error = PermissionError(EACCES, "Permission denied")
    vars(error)["winerror"] = 32  # as Windows says it
    return error


@pytest.mark.parametrize(
    ("error", "meaning", "message"),
    [
        (PermissionError(EACCES, "Permission denied"), PermissionMissing, "may not read"),
        (_locked(), SourceUnavailable, "another program has it open"),
        (OSError(EIO, "Input/output error"), SourceUnavailable, "Input/output error"),
    ],
)
def test_what_the_system_refuses_says_what_to_do(error: OSError, meaning: type, message: str) -> None:
    refusal = files.refusal("/srv/assets.csv", error)

    assert type(refusal) is meaning
    assert message in refusal.message
    assert "/srv/assets.csv" in refusal.message


async def test_a_file_that_goes_before_it_is_opened_is_unavailable(tmp_path: Path) -> None:
    (found,) = files.find(str(write_csv(tmp_path / "a.csv")))
    found.path.unlink()

    with pytest.raises(SourceUnavailable, match="No such file"), files.reading(found):
        pass


async def test_a_file_that_the_system_cannot_open_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="cannot be read: File name too long"):
        await read(tmp_path / f"{'a' * 300}.csv")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="this account may read everything")
async def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv").chmod(0)

    with pytest.raises(PermissionMissing, match=r"a\.csv"):
        await read(tmp_path)
