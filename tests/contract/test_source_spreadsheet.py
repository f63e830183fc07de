"""The spreadsheet source keeps what every source must."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from halo_agent.connectors import CheckedSource
from halo_agent.connectors.spreadsheet.settings import SpreadsheetSettings
from halo_agent.connectors.spreadsheet.source import SpreadsheetSource
from halo_shared.entities import EntityKind
from tests.contract.source import Snapshot, SourceContract
from tests.unit.agent.connectors.spreadsheet.tables import HEADER, write_csv, write_xlsx

TAGS = [f"A{number:04}" for number in range(1_200)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_csv(tmp_path / "first.csv", [HEADER, *((tag, f"Laptop {tag}", "S") for tag in TAGS[:700])])
    write_xlsx(tmp_path / "second.xlsx", [HEADER, *((tag, f"Dock {tag}", "S") for tag in TAGS[700:])])
    return tmp_path


class TestSpreadsheetSource(SourceContract):
    @pytest.fixture
    def kind(self) -> EntityKind:
        return EntityKind.ASSETS

    @pytest.fixture
    def source(self, folder: Path) -> CheckedSource:
        return SpreadsheetSource(
            SpreadsheetSettings(
                path=str(folder), entity=EntityKind.ASSETS, id_column="Tag", name_column="Name"
            )
        )

    @pytest.fixture
    def expected_ids(self) -> set[str]:
        return set(TAGS)

    @pytest.fixture
    def snapshot(self, folder: Path) -> Snapshot:
        def contents() -> dict[str, bytes]:
            return {file.name: file.read_bytes() for file in folder.iterdir()}

        return partial(asyncio.to_thread, contents)
