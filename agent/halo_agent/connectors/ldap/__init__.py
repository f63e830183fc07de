"""Users from any LDAP directory."""

from typing import Final

from halo_agent.connectors import Connector
from halo_agent.connectors.ldap.settings import LdapSettings
from halo_agent.connectors.ldap.source import open_source
from halo_shared.entities import EntityKind
from halo_shared.mapping import EntityMapping

MAPPING: Final = EntityMapping.model_validate(
    {
        "identity": "third_party_guid",
        "match": ["emailaddress", "login"],
        "fields": {
            "name": "cn",
            "firstname": "givenName",
            "surname": "sn",
            "emailaddress": "mail",
            "login": "uid",
            "phonenumber": "telephoneNumber",
            "mobilenumber": "mobile",
            "title": "title",
        },
    }
)
"""Good enough to run with; an integration adds a place."""

CONNECTOR: Final = Connector(
    name="ldap",
    title="LDAP directory",
    entities=(EntityKind.USERS,),
    settings=LdapSettings,
    open=open_source,
    mapping={EntityKind.USERS: MAPPING},
    set_up=("Make an account that may read the entries and attributes that are to be imported.",),
)
