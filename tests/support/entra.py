"""A cloud with one or several Entra tenants, and the connector's settings that read them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from halo_agent.connectors.entra_id.settings import EntraIdSettings
from halo_agent.connectors.entra_id.source import EntraIdSource, open_source
from halo_agent.engine.ports import Wanted
from halo_shared.entities import EntityKind
from halo_shared.runs import Mode
from tests.support.graph.directory import GraphDirectory, guid
from tests.support.graph.identity import Application
from tests.support.graph.server import PERMISSIONS, Graph
from tests.support.sources import SECRET, Read, Secrets

TENANT: Final = "contoso.example"
CLIENT: Final = guid(0xC1)
ALL: Final = frozenset(PERMISSIONS.values())
SALES, NIGHT, BOARD = guid(0xA1), guid(0xA2), guid(0xA3)


def populate(cloud: Graph, tenant: str = TENANT, *, people: int = 10, first: int = 1) -> GraphDirectory:
    """A tenant with so many people, whom an application may read; the first one manages the others."""
    directory = cloud.directories[tenant] = GraphDirectory(tenant)
    cloud.identity.applications.append(Application(tenant, CLIENT, SECRET, permissions=ALL))
    for number in range(first, first + people):
        directory.put(
            "users",
            guid(number),
            displayName=f"Person {number}",
            givenName="Person",
            surname=str(number),
            mail=f"p{number}@{tenant}",
            userPrincipalName=f"p{number}@{tenant}",
            accountEnabled=True,
            userType="Member",
            department="Sales" if number % 2 else "Support",
            manager=None if number == first else guid(first),
        )
    return directory


def settings(cloud: Graph, **changes: Any) -> EntraIdSettings:  # Any: as a file would say it
    """Settings that read the stand-in."""
    said: Mapping[str, Any] = {
        "directories": [{"tenant": TENANT, "client_id": CLIENT, "client_secret": "secret://entra"}],
        "cloud": {"login": cloud.url, "graph": cloud.url},
        **changes,
    }
    return EntraIdSettings.model_validate(said)


@asynccontextmanager
async def source(
    cloud: Graph, secrets: Secrets | None = None, **changes: Any
) -> AsyncIterator[EntraIdSource]:
    """The connector, opened over the stand-in."""
    async with open_source(settings(cloud, **changes), secrets or Secrets(entra=SECRET)) as opened:
        yield opened


async def read(
    opened: EntraIdSource,
    kind: EntityKind = EntityKind.USERS,
    *attributes: str,
    since: Read | None = None,
) -> Read:
    """Everything, or what changed since an earlier read."""
    wanted = Wanted(
        kind,
        Mode.DELTA if since else Mode.FULL,
        since.end.cursor if since else None,
        frozenset(attributes or ("mail", "department")),
    )
    return Read([item async for item in opened.read(wanted)])
