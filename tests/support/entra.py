"""A cloud with one or several Entra tenants, and the connector's settings that read them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from pydantic import SecretStr

from halo_agent.connectors.entra_id.settings import EntraIdSettings
from halo_agent.connectors.entra_id.source import EntraIdSource, open_source
from halo_agent.engine.ports import SourceItem, Wanted
from halo_agent.engine.records import Finished, Gone, Remark, SourceRecord
from halo_shared.entities import EntityKind
from halo_shared.errors import SecretMissing
from halo_shared.runs import Mode
from tests.support.graph.directory import GraphDirectory, guid
from tests.support.graph.identity import Application
from tests.support.graph.server import PERMISSIONS, Graph

TENANT: Final = "contoso.example"
CLIENT: Final = guid(0xC1)
SECRET: Final = "canary-of-the-client-secret"
ALL: Final = frozenset(PERMISSIONS.values())
SALES, NIGHT, BOARD = guid(0xA1), guid(0xA2), guid(0xA3)


class Secrets:
    """Secrets in memory."""

    def __init__(self, **values: str) -> None:
        self._values = {"entra": SECRET, **values}

    def resolve(self, reference: str) -> SecretStr:
        name = reference.removeprefix("secret://")
        if name not in self._values:
            raise SecretMissing(f"{reference} is not here")
        return SecretStr(self._values[name])


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
    async with open_source(settings(cloud, **changes), secrets or Secrets()) as opened:
        yield opened


class Read:
    """What one read gave."""

    def __init__(self, items: list[SourceItem]) -> None:
        self.items = items

    @property
    def records(self) -> dict[str, SourceRecord]:
        return {item.id: item for item in self.items if isinstance(item, SourceRecord)}

    @property
    def gone(self) -> dict[str, str]:
        return {item.id: item.reason for item in self.items if isinstance(item, Gone)}

    @property
    def remarks(self) -> list[str]:
        return [item.text for item in self.items if isinstance(item, Remark)]

    @property
    def end(self) -> Finished:
        assert isinstance(self.items[-1], Finished)
        return self.items[-1]


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
