"""Users from any LDAP directory."""

from typing import Final

from halo_agent.connectors import Connector
from halo_agent.connectors.ldap.settings import LdapSettings
from halo_agent.connectors.ldap.source import open_source
from halo_shared.entities import EntityKind

CONNECTOR: Final = Connector(
    name="ldap",
    title="LDAP directory",
    entities=(EntityKind.USERS,),
    settings=LdapSettings,
    open=open_source,
)
