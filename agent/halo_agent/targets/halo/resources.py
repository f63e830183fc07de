"""The paths of Halo's API, and what is known of each: the only place that names them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from halo_shared.entities import EntityKind

ID: Final = "id"
NAME: Final = "name"
CLIENT_ID: Final = "client_id"
SITE_ID: Final = "site_id"
ASSET_TYPE_ID: Final = "assettype_id"
OPEN_TICKETS: Final = "open_ticket_count"
OWN: Final = "fields."
"""What stands before the name, or the number, of an asset's own field."""
CUSTOM: Final = "CF"
"""How the names of custom fields begin."""
EXTERNAL_LINK: Final = "external_link"
"""Our name for the id that a record has in Halo's external links of one integration."""
USERS_OF: Final = "users"
SOFTWARE: Final = "software"


class Within(StrEnum):
    """What a new record must be placed in."""

    NOTHING = "nothing"
    CLIENT = "client"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class Resource:
    """One path of the API."""

    path: str
    schema: str = ""
    """What the instance's own description calls its records."""
    list_key: str | None = None
    """Where a list has its rows; None where lists are bare arrays."""
    name_field: str = NAME
    off: str = "inactive"
    """The property that takes a record out of use."""
    within: Within = Within.NOTHING
    table: int | None = None
    """Its number in external links; None where those know no such record."""
    params: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request for a list."""
    searched: frozenset[str] = frozenset()
    """Fields that Halo's plain search is known to look into."""
    own_parameter: Mapping[str, str] = field(default_factory=dict)
    """Fields that are query parameters too, each with the switch that makes Halo look at nothing else."""
    typed: bool = False
    """Whether each record is of an asset type, and has the fields of that type."""
    rights: str = ""
    """The area of rights that it belongs to, as in the scopes `read:customers` and `edit:customers`."""


_ALL: Final = {"includeactive": "true", "includeinactive": "true"}

CLIENT: Final = Resource(
    "Client",
    "Area",
    "clients",
    table=2,
    params=_ALL,
    searched=frozenset({NAME}),
    rights="customers",
)
SITE: Final = Resource(
    "Site",
    "Site",
    "sites",
    within=Within.CLIENT,
    table=3,
    params=_ALL,
    searched=frozenset({NAME}),
    rights="customers",
)
USER: Final = Resource(
    "Users",
    "Users",
    "users",
    within=Within.SITE,
    table=4,
    params=_ALL,
    searched=frozenset({NAME, "emailaddress"}),
    rights="customers",
)
AGENT: Final = Resource(
    "Agent",
    "Uname",
    off="isdisabled",
    params={"includeenabled": "true", "includedisabled": "true"},
    rights="admin",
)
ASSET: Final = Resource(
    "Asset",
    "Device",
    "assets",
    name_field="inventory_number",
    within=Within.SITE,
    table=5,
    params=_ALL,
    own_parameter={"inventory_number": "search_inventory_number_only"},
    typed=True,
    rights="assets",
)
ASSET_TYPE: Final = Resource("AssetType", rights="assets")
ASSET_SOFTWARE: Final = Resource("AssetSoftware", rights="assets")
FIELD: Final = Resource("Field", params={"kind": "T"}, rights="assets")
LINK: Final = Resource("ExternalLink", "ExternalLink_List", "links")
TICKET: Final = Resource("Tickets", "Faults", "tickets", rights="tickets")
INSTANCE: Final = Resource("InstanceInfo")

KINDS: Final[Mapping[EntityKind, Resource]] = {
    EntityKind.CLIENTS: CLIENT,
    EntityKind.SITES: SITE,
    EntityKind.USERS: USER,
    EntityKind.TECHNICIANS: AGENT,
    EntityKind.ASSETS: ASSET,
}
