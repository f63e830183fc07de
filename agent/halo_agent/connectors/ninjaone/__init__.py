"""Organizations, locations and devices of NinjaOne, with their software and last users."""

from typing import Final

from halo_agent.connectors import Connector
from halo_agent.connectors.ninjaone.settings import NinjaOneSettings
from halo_agent.connectors.ninjaone.source import open_source
from halo_shared.entities import EntityKind
from halo_shared.integrators import Integrator
from halo_shared.mapping import EntityMapping

CLIENTS: Final = EntityMapping.model_validate(
    {
        "identity": "ninjarmmid",
        "match": ["name"],
        "fields": {"name": {"from": "name", "when": "create"}},
        "retire": {"never": True},
    }
)
"""A client that Halo has keeps its name there, and is a client still when its devices are no longer managed."""
SITES: Final = EntityMapping.model_validate(
    {
        "identity": "ninjarmmid",
        "match": [{"field": "name", "within": "client"}],
        "fields": {"name": {"from": "name", "when": "create"}},
        "retire": {"never": True},
    }
)
ASSETS: Final = EntityMapping.model_validate(
    {
        "identity": "ninjarmm_id",
        "match": [{"field": "inventory_number", "within": "client"}],
        "fields": {"inventory_number": "serialOrName", "ninja_url": "url"},
        "asset_type": {
            "rules": [{"attribute": "nodeClass", "ends": "_SERVER", "type": "Server"}],
            "default": "Workstation",
        },
        "place": {"names": {"client": "organization", "site": "location"}},
    }
)
"""Good enough to run with, where Halo has the asset types Workstation and Server; the names of places count only
where clients and sites are not kept in step."""

CONNECTOR: Final = Connector(
    name="ninjaone",
    title="NinjaOne",
    entities=(EntityKind.CLIENTS, EntityKind.SITES, EntityKind.ASSETS),
    settings=NinjaOneSettings,
    open=open_source,
    mapping={EntityKind.CLIENTS: CLIENTS, EntityKind.SITES: SITES, EntityKind.ASSETS: ASSETS},
    kinds=(Integrator.HOSTED, Integrator.LOCAL),
    set_up=(
        "In NinjaOne, open Administration > Apps > API > Client app IDs and add an API application.",
        "Choose the platform 'API Services (machine-to-machine)'; it needs no redirect URI.",
        "Tick the scope Monitoring and no other, and the grant type 'Client credentials'.",
        "Save it, and note the client ID and the client secret, which is shown only once.",
    ),
)
