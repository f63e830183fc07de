"""Where Microsoft's clouds are: the sign-in and the data of one cloud belong together."""

from enum import StrEnum
from typing import Final

from pydantic import Field

from halo_agent.addresses import HttpsRoot
from halo_shared.mapping import Strict


class Cloud(StrEnum):
    """A cloud that Microsoft, or its partner, runs."""

    GLOBAL = "global"
    US_GOVERNMENT = "us_government"
    """GCC High, also called L4."""
    US_DEFENSE = "us_defense"
    """DoD, also called L5."""
    CHINA = "china"
    """Run by 21Vianet."""


class Endpoints(Strict):
    """The two addresses of a cloud; written out only for one that has no name here."""

    login: HttpsRoot = Field(description="Address of the sign-in, as in https://login.microsoftonline.com.")
    graph: HttpsRoot = Field(description="Address of Microsoft Graph, as in https://graph.microsoft.com.")

    def token(self, tenant: str) -> str:
        """Where an application of this directory obtains its tokens."""
        return f"{self.login}/{tenant}/oauth2/v2.0/token"

    @property
    def scope(self) -> str:
        """What to ask for: everything that an administrator granted the application."""
        return f"{self.graph}/.default"


# https://learn.microsoft.com/graph/deployments
ENDPOINTS: Final = {
    Cloud.GLOBAL: Endpoints(login="https://login.microsoftonline.com", graph="https://graph.microsoft.com"),
    Cloud.US_GOVERNMENT: Endpoints(
        login="https://login.microsoftonline.us", graph="https://graph.microsoft.us"
    ),
    Cloud.US_DEFENSE: Endpoints(
        login="https://login.microsoftonline.us", graph="https://dod-graph.microsoft.us"
    ),
    Cloud.CHINA: Endpoints(
        login="https://login.chinacloudapi.cn", graph="https://microsoftgraph.chinacloudapi.cn"
    ),
}


def endpoints_of(cloud: Cloud | Endpoints) -> Endpoints:
    """The addresses of this cloud."""
    return cloud if isinstance(cloud, Endpoints) else ENDPOINTS[cloud]
