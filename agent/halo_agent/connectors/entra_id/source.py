"""Users and devices of Microsoft Entra ID: all of them, or what changed since last time."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from halo_agent.connectors import CheckStep, Secrets
from halo_agent.connectors.entra_id import cursor, records
from halo_agent.connectors.entra_id.auth import GraphAuth
from halo_agent.connectors.entra_id.client import GraphClient, rows
from halo_agent.connectors.entra_id.clouds import endpoints_of
from halo_agent.connectors.entra_id.cursor import Cursor, Place
from halo_agent.connectors.entra_id.reader import Changes, DirectoryReader
from halo_agent.connectors.entra_id.refusals import StateLost
from halo_agent.connectors.entra_id.resources import LICENCES, Resource, resource_of
from halo_agent.connectors.entra_id.scope import Scope
from halo_agent.connectors.entra_id.settings import EntraIdSettings
from halo_agent.engine.ports import SourceItem, Wanted
from halo_agent.engine.records import Finished, Gone, Remark, SourceRecord, UnreadableRecord
from halo_agent.http import HttpClient
from halo_shared.clock import Clock, SystemClock
from halo_shared.entities import EntityKind
from halo_shared.errors import ConfigurationError, IncompleteRead
from halo_shared.runs import Mode

MANY: Final = 1_500
"""So many changes are read quicker with everything around them: a page holds 999 objects, a question for ids 15."""


@asynccontextmanager
async def open_source(settings: EntraIdSettings, secrets: Secrets) -> AsyncIterator["EntraIdSource"]:
    """A source that connects and signs in anew for each read and each check."""
    yield EntraIdSource(settings, secrets, SystemClock())


@dataclass(frozen=True, slots=True)
class Part:
    """One directory in one read: how it is read, and what the settings say about its users."""

    reader: DirectoryReader
    scope: Scope
    products: Mapping[str, str]

    @property
    def tenant(self) -> str:
        """Its name in the settings."""
        return self.reader.directory.tenant

    @property
    def fingerprints(self) -> dict[str, str]:
        """Of the members of each group that the settings name."""
        return {group.id: cursor.fingerprint(group.members) for group in self.scope.groups.values()}


class EntraIdSource:
    """Reads the users and devices of one or several directories."""

    def __init__(self, settings: EntraIdSettings, secrets: Secrets, clock: Clock) -> None:
        self._settings = settings
        self._secrets = secrets
        self._clock = clock

    async def read(self, wanted: Wanted) -> AsyncGenerator[SourceItem, None]:
        """What changed since the cursor; everything where that is asked for, or where changes cannot be told."""
        resource = self._resource(wanted.kind)
        selected = resource.selected({*wanted.attributes, *self._conditions(resource)})
        async with self._connected() as readers:
            parts = [await self._part(reader, resource, wanted) for reader in readers]
            told, why = await self._changes(wanted, resource, parts)
            if why:
                yield Remark(f"All {wanted.kind} are read, though only changes were asked for: {why}.")
            if told is None:
                items = self._everything(resource, selected, parts)
            else:
                items = self._changed(resource, selected, parts, told)
            async with aclosing(items):
                async for item in items:
                    yield item

    async def check(self) -> AsyncGenerator[CheckStep, None]:
        """For each directory: the sign-in, what may be read, and the groups that the settings name."""
        users, devices = self._resource(EntityKind.USERS), self._resource(EntityKind.ASSETS)
        async with self._connected() as readers:
            for reader in readers:
                tenant = reader.directory.tenant
                found = rows(await reader.probe(users))
                names = ", ".join(str(row.get(users.name)) for row in found) or "none"
                signed_in = f"signed in as {reader.directory.client_id}; first of all: {names}"
                yield CheckStep(f"users of {tenant}", signed_in)
                for named, group in (await reader.groups(self._settings.users.named_groups)).items():
                    size = f"{len(group.members):,} users, those of nested groups too"
                    yield CheckStep(f"group '{named}' of {tenant}", size)
                found = rows(await reader.probe(devices))
                may = "may be read" if found else "may be read, and has none"
                yield CheckStep(f"{devices.path} of {tenant}", may)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[list[DirectoryReader]]:
        """A reader of each directory, over connections that end with the block."""
        endpoints = endpoints_of(self._settings.cloud)
        seconds = self._settings.timeout.total_seconds()
        async with HttpClient("source", "Microsoft", timeout=seconds) as http:
            yield [
                DirectoryReader(
                    GraphClient(
                        http,
                        endpoints,
                        GraphAuth(http, endpoints, directory, self._secrets, self._clock),
                        self._clock,
                    ),
                    directory,
                )
                for directory in self._settings.directories
            ]

    def _resource(self, kind: EntityKind) -> Resource:
        resource = resource_of(kind, self._settings)
        if resource is None:
            raise ConfigurationError(
                f"The entra-id connector reads users and assets: take {kind} out of 'entities'."
            )
        return resource

    def _conditions(self, resource: Resource) -> list[str]:
        """The properties that the settings themselves look at."""
        rules = self._settings.users.where if resource.kind is EntityKind.USERS else ()
        return [rule.attribute for rule in rules]

    async def _part(self, reader: DirectoryReader, resource: Resource, wanted: Wanted) -> Part:
        users = self._settings.users
        named = users.named_groups if resource.kind is EntityKind.USERS else ()
        licences = any(name.casefold() == LICENCES for name in wanted.attributes)
        return Part(
            reader,
            Scope(users, await reader.groups(named)),
            await reader.products() if licences else {},
        )

    async def _changes(
        self, wanted: Wanted, resource: Resource, parts: list[Part]
    ) -> tuple[list[Changes] | None, str]:
        """What each directory tells of changes; None, and why, where everything has to be read."""
        if wanted.mode is Mode.FULL:
            return None, ""
        if not resource.has_delta:
            return None, f"Microsoft tells no changes of {resource.path}"
        before = cursor.parse(wanted.cursor)
        if before is None or set(before.directories) != {part.tenant for part in parts}:
            return None, "there is no earlier read of the same directories"
        for part in parts:
            if other := cursor.changed(before.directories[part.tenant].groups, part.fingerprints):
                return None, f"the members of {_names(part, other)} in {part.tenant} have changed"
        return await _told(resource, parts, before)

    async def _everything(
        self, resource: Resource, selected: tuple[str, ...], parts: list[Part]
    ) -> AsyncGenerator[SourceItem, None]:
        places: dict[str, Place] = {}
        for part in parts:
            # Before the list, so that what changes while it is read is told by the next delta.
            link = await part.reader.start(resource, selected) if resource.has_delta else ""
            places[part.tenant] = Place(delta=link, groups=part.fingerprints)
            any_row = False
            async with aclosing(part.reader.everything(resource, selected, part.products)) as found:
                async for record in found:
                    any_row = True
                    if isinstance(item := _scoped(record, part.scope), SourceRecord | UnreadableRecord):
                        yield item
            if not any_row and resource.kind is EntityKind.USERS:
                raise IncompleteRead(
                    f"Tenant {part.tenant} showed no user at all, which no directory is without: "
                    "look at what the application may read."
                )
        yield Finished(full=True, cursor=Cursor(directories=places).text if resource.has_delta else None)

    async def _changed(
        self, resource: Resource, selected: tuple[str, ...], parts: list[Part], told: list[Changes]
    ) -> AsyncGenerator[SourceItem, None]:
        places: dict[str, Place] = {}
        for part, changes in zip(parts, told, strict=True):
            for gone in changes.gone.values():
                yield gone
            missing = dict(changes.ids)
            async with aclosing(
                part.reader.these(list(changes.ids), resource, selected, part.products)
            ) as found:
                async for record in found:
                    if isinstance(record, SourceRecord):
                        missing.pop(record.id, None)
                    yield _scoped(record, part.scope)
            for id_ in missing:
                yield Gone(resource.kind, id_, "deleted in Entra while it was read")
            places[part.tenant] = Place(delta=changes.link, groups=part.fingerprints)
        yield Finished(full=False, cursor=Cursor(directories=places).text)


async def _told(resource: Resource, parts: list[Part], before: Cursor) -> tuple[list[Changes] | None, str]:
    try:
        told = [await part.reader.changes(resource, before.directories[part.tenant].delta) for part in parts]
    except StateLost:
        return None, "Microsoft no longer knows what was read last time"
    if (many := sum(len(changes.ids) for changes in told)) > MANY:
        return None, f"{many:,} have changed"
    return told, ""


def _scoped(record: SourceRecord | UnreadableRecord, scope: Scope) -> SourceRecord | UnreadableRecord | Gone:
    """The record as it is to be kept in step; Gone when the settings leave it out."""
    if isinstance(record, UnreadableRecord) or record.kind is not EntityKind.USERS:
        return record
    if why := scope.leaves_out(record):
        return Gone(record.kind, record.id, f"left the scope: {why}")
    return records.with_roles(record, scope.roles(record.id))


def _names(part: Part, ids: list[str]) -> str:
    known = {group.id: group.name for group in part.scope.groups.values()}
    return ", ".join(f"'{known.get(id_, id_)}'" for id_ in ids)
