"""People, technicians and computers from Active Directory."""

from typing import Final

from halo_agent.connectors import Connector
from halo_agent.connectors.active_directory.settings import ActiveDirectorySettings
from halo_agent.connectors.active_directory.source import KINDS, open_source

CONNECTOR: Final = Connector(
    name="active-directory",
    title="Active Directory",
    entities=KINDS,
    settings=ActiveDirectorySettings,
    open=open_source,
    set_up=(
        "Make an account that may read the directory; an ordinary one does.",
        "For changes by DirSync and proof of leavers, give it 'Replicating Directory Changes' on the domain.",
    ),
)
