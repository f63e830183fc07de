"""Reading records: all of a kind page by page, or those of these ids, each with what is asked for."""

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, TypeVar

from halo_agent.engine.records import TargetRecord
from halo_agent.targets.halo import searching, wire
from halo_agent.targets.halo.client import HaloClient, Params
from halo_agent.targets.halo.details import Details
from halo_agent.targets.halo.directory import Directory
from halo_agent.targets.halo.errors import NotFound
from halo_agent.targets.halo.external_links import ExternalLinks
from halo_agent.targets.halo.paging import Lists, Page
from halo_agent.targets.halo.resources import ASSET_TYPE_ID, EXTERNAL_LINK, KINDS, OWN, Resource
from halo_shared.entities import EntityKind
from halo_shared.errors import HaloIntegratorError

T = TypeVar("T")

TOGETHER: Final = 8
"""Questions that are asked at once; how many are under way is decided in `crowding`."""
HELD: Final = 2_000
"""Records that are held back until a list is seen to show all that is asked for; of more only the ids are kept."""


@dataclass(slots=True)
class _HeldBack:
    """Records of a list of which it is not known yet whether it shows all that is asked for."""

    records: list[TargetRecord] = field(default_factory=list)
    let_go: set[int] = field(default_factory=set)
    """The ids of those for which there was no room."""

    @property
    def ids(self) -> list[int]:
        return [*(record.id for record in self.records), *self.let_go]

    def keep(self, records: Sequence[TargetRecord]) -> None:
        if len(self.records) < HELD:
            self.records += records
        else:
            self.let_go.update(record.id for record in records)

    def take(self) -> list[TargetRecord]:
        records, self.records = self.records, []
        return records


class Reader:
    """Reads the records of one instance."""

    def __init__(
        self, client: HaloClient, lists: Lists, directory: Directory, links: ExternalLinks, details: Details
    ) -> None:
        self._client = client
        self._lists = lists
        self._directory = directory
        self._links = links
        self._details = details

    async def everything(
        self, kind: EntityKind, fields: Collection[str], first: Page | None = None
    ) -> AsyncIterator[TargetRecord]:
        """Every record, inactive ones too, page by page, with at least these fields.

        A field that no row of the list shows is read record by record. Whether a list shows it is known as soon as
        one row does, as lists leave out what is empty. `first` is the first page, where it has been read already.
        """
        resource = KINDS[kind]
        owners = await self._links.all(resource) if EXTERNAL_LINK in fields else {}
        unseen = set(fields) - {EXTERNAL_LINK} - {name for name in fields if name.startswith(OWN)}
        back = _HeldBack()
        async for rows in self._pages(resource, fields, first):
            records = [self.record(kind, row, owners) for row in rows]
            unseen = set(searching.hidden(unseen, records))
            if unseen:
                back.keep(records)
                continue
            for record in [*back.take(), *records]:
                yield record
        rest = self.fetch(kind, back.ids) if unseen else self._again(kind, fields, back.let_go, owners)
        async for record in rest:
            yield record

    async def _again(
        self, kind: EntityKind, fields: Collection[str], ids: Collection[int], owners: Mapping[int, str]
    ) -> AsyncIterator[TargetRecord]:
        """The records of these ids from the list, read once more."""
        if not ids:
            return
        async for rows in self._pages(KINDS[kind], fields, None):
            for row in rows:
                if wire.id_of(row) in ids:
                    yield self.record(kind, row, owners)

    async def complete(
        self, kind: EntityKind, rows: Sequence[wire.Row], fields: Collection[str]
    ) -> AsyncIterator[TargetRecord]:
        """These rows as records; all are read one by one when none shows one of the fields."""
        records = [self.record(kind, row) for row in rows]
        own = {name for name in fields if name.startswith(OWN)} | {EXTERNAL_LINK}
        if searching.hidden(set(fields) - own, records):
            async for whole in self.fetch(kind, [record.id for record in records]):
                yield whole
        else:
            for record in records:
                yield record

    async def fetch(
        self, kind: EntityKind, ids: Collection[int], beside: Collection[str] = ()
    ) -> AsyncIterator[TargetRecord]:
        """These records with all their fields, and `beside` them what Halo keeps apart; what it lacks is left out."""
        waiting = iter(dict.fromkeys(ids))
        while some := list(islice(waiting, TOGETHER)):
            for record in await together(self._one(kind, id_, beside) for id_ in some):
                if record is not None:
                    yield record

    async def row(self, resource: Resource, id_: int) -> wire.Row | None:
        """Everything that Halo shows of one record, if it has it."""
        try:
            body = await self._client.get(f"{resource.path}/{id_}", {"includedetails": "true"})
        except NotFound:
            return None
        return wire.single(body, resource)

    def record(
        self, kind: EntityKind, row: wire.Row, owners: Mapping[int, str] | None = None
    ) -> TargetRecord:
        """A row as the engine knows it, with its external link where those were listed apart."""
        found = wire.record(kind, row, self._links.label)
        link = (owners or {}).get(found.id)
        return found if link is None else replace(found, fields={**found.fields, EXTERNAL_LINK: link})

    async def _pages(
        self, resource: Resource, fields: Collection[str], first: Page | None
    ) -> AsyncIterator[Sequence[wire.Row]]:
        """All rows; where own fields are compared, read type by type, as Halo shows them in no other list."""
        narrowed: list[Params | None] = [None]
        if resource.typed and any(name.startswith(OWN) for name in fields):
            types = await self._directory.asset_types()
            narrowed = [{ASSET_TYPE_ID: type_.id, "includeassetfields": "true"} for type_ in types]
        elif first is not None and first.whole:
            yield first.rows
            return
        for params in narrowed:
            async for rows in self._lists.stream(resource, params):
                yield rows

    async def _one(self, kind: EntityKind, id_: int, beside: Collection[str]) -> TargetRecord | None:
        row = await self.row(KINDS[kind], id_)
        return None if row is None else await self._details.complete(self.record(kind, row), beside)


async def together(calls: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """The results of all calls; the first error ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call) for call in calls]
    except* HaloIntegratorError as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
