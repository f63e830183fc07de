"""Users or assets kept in spreadsheets: CSV files and Excel workbooks."""

from typing import Final

from halo_agent.connectors import Connector
from halo_agent.connectors.spreadsheet.settings import SpreadsheetSettings
from halo_agent.connectors.spreadsheet.source import opened
from halo_shared.entities import EntityKind

CONNECTOR: Final = Connector(
    name="spreadsheet",
    title="Spreadsheet (CSV or Excel)",
    entities=(EntityKind.USERS, EntityKind.ASSETS),
    settings=SpreadsheetSettings,
    open=opened,
    set_up=("Put the file where the agent's account may read it.",),
)
