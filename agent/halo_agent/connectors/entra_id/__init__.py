"""Users and devices from Microsoft Entra ID and Intune."""

from typing import Final

from halo_agent.connectors import Connector
from halo_agent.connectors.entra_id.settings import EntraIdSettings
from halo_agent.connectors.entra_id.source import open_source
from halo_shared.entities import EntityKind
from halo_shared.integrators import Integrator
from halo_shared.mapping import EntityMapping

USERS: Final = EntityMapping.model_validate(
    {
        "identity": "azureoid",
        "match": ["emailaddress"],
        "fields": {
            "name": "displayName",
            "firstname": "givenName",
            "surname": "surname",
            "emailaddress": "mail",
            "login": "userPrincipalName",
            "title": "jobTitle",
        },
    }
)
ASSETS: Final = EntityMapping.model_validate(
    {
        "identity": "intune_id",
        "match": ["inventory_number"],
        "fields": {"inventory_number": "serialNumber"},
        "asset_type": {"from": "operatingSystem", "default": "Workstation"},
    }
)
"""Good enough to run with; a place comes from the directory's settings, or from the integration."""

CONNECTOR: Final = Connector(
    name="entra-id",
    title="Microsoft Entra ID",
    entities=(EntityKind.USERS, EntityKind.ASSETS),
    settings=EntraIdSettings,
    open=open_source,
    mapping={EntityKind.USERS: USERS, EntityKind.ASSETS: ASSETS},
    kinds=(Integrator.HOSTED, Integrator.LOCAL),
    set_up=(
        "In the Entra admin center, register an application in each directory that is to be read.",
        "Give it the application permission User.Read.All.",
        "For groups give it GroupMember.Read.All too, and for licences LicenseAssignment.Read.All.",
        "For devices give it DeviceManagementManagedDevices.Read.All (Intune) or Device.Read.All (Entra).",
        "Grant an administrator's consent, and make a client secret or upload a certificate.",
    ),
)
