"""Names to ids: clients, sites, asset types and their fields, each read once and remembered."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from halo_agent.engine.records import Place, PlaceIds
from halo_agent.targets.halo import wire
from halo_agent.targets.halo.client import HaloClient
from halo_agent.targets.halo.paging import Lists
from halo_agent.targets.halo.resources import (
    ASSET_TYPE,
    CLIENT,
    CLIENT_ID,
    FIELD,
    NAME,
    SITE,
    Resource,
)
from halo_agent.targets.halo.wire import AssetType
from halo_shared.errors import MappingInvalid, Unplaced

SHOWN: Final = 5
"""Names that an error lists as near to the one that was not found."""


@dataclass(frozen=True, slots=True)
class Named:
    """Something of Halo's that people refer to by its name."""

    id: int
    name: str


class Directory:
    """What Halo's names stand for. A run lives shorter than a renaming, so nothing is read twice."""

    def __init__(self, client: HaloClient, lists: Lists) -> None:
        self._client = client
        self._lists = lists
        self._reading = asyncio.Lock()
        self._clients: Sequence[Named] | None = None
        self._sites: dict[int, Sequence[Named]] = {}
        self._types: Sequence[Named] | None = None
        self._by_id: dict[int, AssetType] = {}

    async def client_id(self, place: Place) -> int:
        """The id of a place's client; raises Unplaced naming those that come near."""
        async with self._reading:
            return (await self._client_of(place)).id

    async def ids_of(self, place: Place) -> PlaceIds:
        """The ids of a place; raises Unplaced naming what is missing and what comes near."""
        async with self._reading:
            client = await self._client_of(place)
            if client.id not in self._sites:
                self._sites[client.id] = await self._named(SITE, {CLIENT_ID: client.id})
            site = _only(place.site, self._sites[client.id])
            if site is None:
                raise Unplaced(_missing("site", place.site, self._sites[client.id], place))
            return PlaceIds(client.id, site.id)

    async def asset_types(self) -> Sequence[Named]:
        """Every type of asset that Halo has."""
        async with self._reading:
            return await self._all_types()

    async def asset_type(self, name: str) -> AssetType:
        """The type of this name; raises MappingInvalid naming those that come near."""
        async with self._reading:
            known = await self._all_types()
            found = _only(name, known)
            if found is None:
                raise MappingInvalid(f"mapping.assets.asset_type: {_not_one('asset type', name, known)}")
            return await self._with_fields(found.id)

    async def asset_type_by_id(self, id_: int) -> AssetType:
        """The type of this id."""
        async with self._reading:
            return await self._with_fields(id_)

    async def _client_of(self, place: Place) -> Named:
        if self._clients is None:
            self._clients = await self._named(CLIENT)
        client = _only(place.client, self._clients)
        if client is None:
            raise Unplaced(_missing("client", place.client, self._clients, place))
        return client

    async def _all_types(self) -> Sequence[Named]:
        if self._types is None:
            self._types = await self._named(ASSET_TYPE)
        return self._types

    async def _with_fields(self, id_: int) -> AssetType:
        if id_ not in self._by_id:
            path = f"{ASSET_TYPE.path}/{id_}"
            row = wire.single(await self._client.get(path, {"includedetails": "true"}), ASSET_TYPE)
            fields = wire.type_fields(row) or {one.name: one.id for one in await self._named(FIELD)}
            self._by_id[id_] = AssetType(id_, str(row.get(NAME, "")), fields)
        return self._by_id[id_]

    async def _named(
        self, resource: Resource, params: Mapping[str, str | int] | None = None
    ) -> Sequence[Named]:
        rows = await self._lists.all(resource, params)
        return [Named(wire.id_of(row), str(row.get(NAME) or "")) for row in rows]


def _only(name: str, known: Sequence[Named]) -> Named | None:
    """The one thing of this name, in whatever case; None when there is none or more than one."""
    wanted = name.strip().casefold()
    found = [one for one in known if one.name.strip().casefold() == wanted]
    return found[0] if len(found) == 1 else None


def _missing(what: str, name: str, known: Sequence[Named], place: Place) -> str:
    return (
        f"{_not_one(what, name, known)} "
        f"The record belongs to site '{place.site}' of client '{place.client}': correct mapping.place, or add it in Halo."
    )


def _not_one(what: str, name: str, known: Sequence[Named]) -> str:
    """Why there is not exactly one, with the names that come near."""
    names = [one.name for one in known]
    if sum(one.strip().casefold() == name.strip().casefold() for one in names) > 1:
        return f"Halo has more than one {what} '{name}', so it is not known which is meant."
    near = get_close_matches(name, names, n=SHOWN, cutoff=0.4) or sorted(names)[:SHOWN]
    return f"Halo has no {what} '{name}'; near to it are: {', '.join(near) or 'none at all'}."
