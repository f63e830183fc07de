"""Every resource the sandbox has, by the lower-case name it is asked for with."""

from collections.abc import Mapping

from halo_sandbox.resources.actions import ACTIONS
from halo_sandbox.resources.agents import AGENT
from halo_sandbox.resources.asset_types import ASSET_GROUP, ASSET_TYPE, FIELD
from halo_sandbox.resources.assets import ASSET
from halo_sandbox.resources.clients import CLIENT, SITE
from halo_sandbox.resources.integration_errors import INTEGRATION_ERROR
from halo_sandbox.resources.links import EXTERNAL_LINK
from halo_sandbox.resources.resource import Resource
from halo_sandbox.resources.software import ASSET_SOFTWARE
from halo_sandbox.resources.tickets import TICKETS
from halo_sandbox.resources.users import USERS

RESOURCES: Mapping[str, Resource] = {
    resource.path.lower(): resource
    for resource in (
        CLIENT,
        SITE,
        USERS,
        AGENT,
        TICKETS,
        ACTIONS,
        ASSET,
        ASSET_SOFTWARE,
        ASSET_TYPE,
        ASSET_GROUP,
        FIELD,
        EXTERNAL_LINK,
        INTEGRATION_ERROR,
    )
}
