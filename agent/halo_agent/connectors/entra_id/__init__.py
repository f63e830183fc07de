"""Users and devices from Microsoft Entra ID and Intune."""

from typing import Final

from halo_agent.connectors import Connector
from halo_agent.connectors.entra_id.settings import EntraIdSettings
from halo_agent.connectors.entra_id.source import open_source
from halo_shared.entities import EntityKind

CONNECTOR: Final = Connector(
    name="entra-id",
    title="Microsoft Entra ID",
    entities=(EntityKind.USERS, EntityKind.ASSETS),
    settings=EntraIdSettings,
    open=open_source,
)
