"""The source as a whole: columns, kinds, the check, and leaving early."""

from pathlib import Path
from typing import Any

import pytest

from halo_agent.connectors import find
from halo_agent.connectors.spreadsheet import CONNECTOR
from halo_agent.connectors.spreadsheet.source import SpreadsheetSource
from halo_agent.engine.ports import Wanted
from halo_shared.entities import EntityKind
from halo_shared.errors import SettingsInvalid, SourceUnavailable
from halo_shared.runs import Mode
from tests.unit.agent.connectors.spreadsheet.tables import (
    checked,
    is_full,
    read,
    records,
    settings,
    write_csv,
    write_xlsx,
)


async def test_names_of_columns_are_trimmed_and_found_in_any_case(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [(" asset tag ", "NAME"), ("A1", "x")])

    (record,) = records(await read(path, id_column="Asset Tag", required=["Name"]))

    assert (record.id, record.name) == ("A1", "x")
    assert record.attributes == {"asset tag": "A1", "NAME": "x"}


async def test_two_columns_of_one_name_are_an_error(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [("Tag", "Name", "name"), ("A1", "x", "y")])

    with pytest.raises(SettingsInvalid, match="more than one column 'Name'"):
        await read(path)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"id_column": "Id"}, "id_column: a.csv has no column 'Id'"),
        ({"name_column": "Nam"}, "name_column: a.csv has no column 'Nam'; did you mean 'Name'"),
        ({"required": ["Name", "Site"]}, "required: a.csv has no column 'Site'"),
        (
            {"inactive": {"column": "State", "values": ["gone"]}},
            "inactive.column: a.csv has no column 'State'",
        ),
    ],
)
async def test_a_missing_column_names_its_setting(tmp_path: Path, more: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsInvalid, match=message):
        await read(write_csv(tmp_path / "a.csv"), **more)


async def test_a_missing_column_in_any_file_stops_the_read(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv")
    write_csv(tmp_path / "b.csv", [("Number", "Name"), ("B1", "x")])

    with pytest.raises(SettingsInvalid, match=r"b\.csv has no column 'Tag'"):
        await read(tmp_path)


async def test_ids_and_names_are_trimmed_and_a_name_is_never_empty(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [("Tag", "Name"), (" A1 ", " x "), ("A2", " ")])

    found = [(record.id, record.name) for record in records(await read(path))]

    assert found == [("A1", "x"), ("A2", "A2")]


async def test_the_id_is_the_name_unless_told_otherwise(tmp_path: Path) -> None:
    found = records(await read(write_csv(tmp_path / "a.csv"), name_column=None))

    assert [record.name for record in found] == ["A1", "A2", "A3"]


async def test_a_row_says_that_it_is_out_of_use(tmp_path: Path) -> None:
    rows = [
        ("Tag", "Name", "Status"),
        ("1", "", "Retired "),
        ("2", "", "in use"),
        ("3", "", ""),
        ("4", "", "GONE"),
    ]
    path = write_csv(tmp_path / "a.csv", rows)

    items = await read(path, inactive={"column": "status", "values": ["retired", "gone"]})

    assert [record.active for record in records(items)] == [False, True, True, False]
    assert is_full(items)


async def test_another_kind_than_the_table_holds_is_refused(tmp_path: Path) -> None:
    source = SpreadsheetSource(settings(write_csv(tmp_path / "a.csv")))

    with pytest.raises(SettingsInvalid, match="holds assets, but the integration asks for users"):
        await anext(source.read(Wanted(EntityKind.USERS)))


async def test_a_delta_reads_everything_too(tmp_path: Path) -> None:
    source = SpreadsheetSource(settings(write_csv(tmp_path / "a.csv")))

    delta = [item async for item in source.read(Wanted(EntityKind.ASSETS, Mode.DELTA, "cursor"))]

    assert delta == await read(tmp_path / "a.csv")


async def test_a_check_shows_files_format_columns_and_a_sample(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv")
    write_xlsx(tmp_path / "b.xlsx", [("Tag", "Name"), ("B1", "B1"), (None, "x")])

    assert await checked(tmp_path) == {
        "files": "a.csv, b.xlsx",
        "open": "a.csv: utf-8, cells separated by ','\nb.xlsx: sheet 'Sheet'",
        "columns": "a.csv: Tag, Name, Serial\nb.xlsx: Tag, Name",
        "sample": "a.csv: A1 (Laptop), A2 (Dock, large), A3 (Büro)\n"
        "b.xlsx: B1, row 3 cannot be read: nothing is in the id column 'Tag'",
    }


async def test_a_check_says_that_there_are_no_rows(tmp_path: Path) -> None:
    steps = await checked(write_csv(tmp_path / "a.csv", [("Tag", "Name")]))

    assert steps["sample"] == "a.csv: no row below the header"


async def test_a_check_gives_each_stage_before_the_one_that_fails(tmp_path: Path) -> None:
    source = SpreadsheetSource(settings(write_csv(tmp_path / "a.csv"), id_column="Id"))
    steps = source.check()

    assert [(await anext(steps)).stage, (await anext(steps)).stage] == ["files", "open"]
    with pytest.raises(SettingsInvalid, match="has no column 'Id'"):
        await anext(steps)


async def test_opening_touches_nothing(tmp_path: Path) -> None:
    given = settings(tmp_path / "missing.csv")

    async with CONNECTOR.open(given, NoSecrets()) as source:
        with pytest.raises(SourceUnavailable):
            await anext(source.check())


def test_the_connector_is_found_by_its_name() -> None:
    assert find("spreadsheet") is CONNECTOR


class NoSecrets:
    """A spreadsheet has none."""

    def resolve(self, reference: str) -> Any:
        raise AssertionError(reference)
