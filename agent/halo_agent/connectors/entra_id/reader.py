"""Reading one directory: all of it, what changed, and who is in which group."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from halo_agent.connectors.entra_id import records
from halo_agent.connectors.entra_id.client import DELTA, INDEXED, GraphClient, Row, rows
from halo_agent.connectors.entra_id.resources import Resource
from halo_agent.connectors.entra_id.scope import Group
from halo_agent.connectors.entra_id.settings import GUID, Directory
from halo_agent.engine.records import Gone, SourceRecord, UnreadableRecord
from halo_shared.errors import IncompleteRead, SettingsInvalid

PAGE: Final = 999
"""Objects on a page: the most that Graph gives."""
IDS_TOGETHER: Final = 15
"""Values that one `in` of a filter may have."""
MEMBERS: Final = "GroupMember.Read.All"
LICENCES: Final = "LicenseAssignment.Read.All"


@dataclass(slots=True)
class Changes:
    """What a delta round told of one directory."""

    ids: dict[str, None] = field(default_factory=dict)
    """Of objects that were made or changed, once each, in the order of Graph's words."""
    gone: dict[str, Gone] = field(default_factory=dict)
    link: str = ""
    """Where the next round starts."""


class DirectoryReader:
    """One directory as a source of rows and groups."""

    def __init__(self, client: GraphClient, directory: Directory) -> None:
        self.directory = directory
        self._client = client

    async def groups(self, named: tuple[str, ...]) -> dict[str, Group]:
        """Each group that the settings name, with the users in it."""
        found = {}
        for one in named:
            id_, name = await self._group(one)
            found[one] = Group(id_, name, await self._members(id_))
        return found

    async def products(self) -> dict[str, str]:
        """The name of each licence, as in ENTERPRISEPACK, by its id."""
        page = await self._client.get(self._client.url("subscribedSkus"), permission=LICENCES)
        return {sku["skuId"]: sku["skuPartNumber"] for sku in rows(page)}

    async def start(self, resource: Resource, selected: tuple[str, ...]) -> str:
        """The link to everything that changes from now on."""
        select = ",".join((*selected, *resource.tracked))
        url = self._client.url(f"{resource.path}/delta", select=select, deltaToken="latest")
        link: str | None = None
        async with aclosing(self._client.pages(url, permission=resource.permission)) as pages:
            async for page in pages:
                link = page.get(DELTA)
        return _ended(link, resource)

    async def changes(self, resource: Resource, link: str) -> Changes:
        """What changed since; an object may be told of several times, and the last word counts."""
        told = Changes()
        async with aclosing(self._client.pages(link, permission=resource.permission)) as pages:
            async for page in pages:
                for row in rows(page):
                    _take(told, row, resource)
                told.link = page.get(DELTA, "")
        _ended(told.link, resource)
        return told

    async def everything(
        self, resource: Resource, selected: tuple[str, ...], products: Mapping[str, str]
    ) -> AsyncGenerator[SourceRecord | UnreadableRecord, None]:
        """Every object of the directory; raises IncompleteRead when a page's end is not its end."""
        url = self._client.url(resource.path, top=PAGE, **_shape(resource, selected))
        async with aclosing(self._client.pages(url, permission=resource.permission)) as pages:
            async for page in pages:
                for row in rows(page):
                    yield records.record(row, resource, self.directory, products)

    async def these(
        self, ids: list[str], resource: Resource, selected: tuple[str, ...], products: Mapping[str, str]
    ) -> AsyncGenerator[SourceRecord | UnreadableRecord, None]:
        """The objects of these ids, in the shape in which `everything` gives them."""
        waiting = iter(ids)
        while some := list(islice(waiting, IDS_TOGETHER)):
            quoted = ", ".join(f"'{id_}'" for id_ in some)
            url = self._client.url(resource.path, filter=f"id in ({quoted})", **_shape(resource, selected))
            async with aclosing(self._client.pages(url, permission=resource.permission)) as pages:
                async for page in pages:
                    for row in rows(page):
                        yield records.record(row, resource, self.directory, products)

    async def probe(self, resource: Resource) -> Row:
        """One object, to see that reading is allowed."""
        url = self._client.url(resource.path, top=1, select=",".join(resource.always))
        return await self._client.get(url, permission=resource.permission)

    async def _group(self, named: str) -> tuple[str, str]:
        select = "id,displayName"
        if GUID.fullmatch(named):
            row = await self._client.get(
                self._client.url(f"groups/{named}", select=select), permission=MEMBERS
            )
            return row["id"], row["displayName"]
        quoted = named.replace("'", "''")
        url = self._client.url("groups", filter=f"displayName eq '{quoted}'", select=select)
        found = rows(await self._client.get(url, permission=MEMBERS))
        if len(found) == 1:
            return found[0]["id"], found[0]["displayName"]
        raise SettingsInvalid(
            f"Tenant {self.directory.tenant} has {len(found) or 'no'} groups named '{named}': "
            "write the object ID of the one that is meant."
        )

    async def _members(self, group_id: str) -> frozenset[str]:
        url = self._client.url(
            f"groups/{group_id}/transitiveMembers/microsoft.graph.user", select="id", top=PAGE, count="true"
        )
        members: set[str] = set()
        async with aclosing(self._client.pages(url, permission=MEMBERS, headers=INDEXED)) as pages:
            async for page in pages:
                members.update(row["id"] for row in rows(page))
        return frozenset(members)


def _shape(resource: Resource, selected: tuple[str, ...]) -> dict[str, str]:
    select = {"select": ",".join(selected)}
    return {**select, "expand": resource.expand} if resource.expand else select


def _take(told: Changes, row: Row, resource: Resource) -> None:
    id_ = row["id"]
    told.ids.pop(id_, None)
    told.gone.pop(id_, None)
    if gone := records.removed(row, resource):
        told.gone[id_] = gone
    else:
        told.ids[id_] = None


def _ended(link: str | None, resource: Resource) -> str:
    if not link:
        raise IncompleteRead(f"Microsoft ended the changes of {resource.path} without saying where to go on.")
    return link
