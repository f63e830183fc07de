"""Finding records in Halo: those that could be the same, those of these ids, the one that holds an identity."""

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final, TypeVar

from halo_agent.engine.mapper import comparable_id
from halo_agent.engine.records import Desired, TargetRecord
from halo_agent.engine.values import as_text
from halo_agent.targets.halo import searching, wire
from halo_agent.targets.halo.client import HaloClient, Params
from halo_agent.targets.halo.details import Details
from halo_agent.targets.halo.directory import Directory
from halo_agent.targets.halo.errors import NotFound
from halo_agent.targets.halo.external_links import ExternalLinks
from halo_agent.targets.halo.paging import Lists, Page
from halo_agent.targets.halo.resources import ASSET_TYPE_ID, EXTERNAL_LINK, KINDS, NAME, OWN, Resource
from halo_agent.targets.halo.searching import Question, Way
from halo_shared import logs
from halo_shared.entities import EntityKind
from halo_shared.errors import AmbiguousMatch, HaloIntegratorError, RecordRefused

T = TypeVar("T")
log = logs.get(__name__)

TOGETHER: Final = 8
"""Questions that are asked at once; how many are under way is decided in `crowding`."""


class Finder:
    """Reads records."""

    def __init__(
        self, client: HaloClient, lists: Lists, directory: Directory, links: ExternalLinks, details: Details
    ) -> None:
        self._client = client
        self._lists = lists
        self._directory = directory
        self._links = links
        self._details = details

    async def candidates(
        self, wishes: Sequence[Desired], match: Sequence[str]
    ) -> AsyncIterator[TargetRecord]:
        """Every record, inactive ones too, that could be the same as one of these wishes.

        Asks for each value or lists all, whichever takes fewer requests; a record whose list row leaves out
        something that is compared is read by itself. Assumes that Halo's searches ignore upper and lower case,
        and that its plain search looks into the fields that `resources` says it does.
        """
        if not wishes:
            return
        kind = wishes[0].kind
        resource = KINDS[kind]
        fields = searching.compared(wishes, match)
        first = await self._lists.page(resource)
        shown = [self._record(kind, row) for row in first.rows]
        asked = searching.questions(resource, wishes, match)
        linked = [wish.identity[1] for wish in wishes if wish.identity[0] == EXTERNAL_LINK]
        hidden = bool(searching.hidden(fields - {EXTERNAL_LINK}, shown))
        choice = searching.choose(
            asked, first.count, self._lists.page_size, hidden=hidden, linked=len(linked)
        )
        log.debug("candidates", kind=kind, way=choice.way, reason=choice.reason)
        if choice.way is Way.ASK and asked is not None:
            found = await self._asked(resource, asked, linked)
            if found is not None:
                async for record in self._complete(kind, found, fields):
                    yield record
                return
        async for record in self._listed(kind, fields, first):
            yield record

    async def everything(self, kind: EntityKind, fields: Collection[str]) -> AsyncIterator[TargetRecord]:
        """Every record, inactive ones too, page by page; one whose row leaves out one of the fields is read by itself."""
        async for record in self._listed(kind, fields):
            yield record

    async def _listed(
        self, kind: EntityKind, fields: Collection[str], first: Page | None = None
    ) -> AsyncIterator[TargetRecord]:
        resource = KINDS[kind]
        owners = await self._links.all(resource) if EXTERNAL_LINK in fields else {}
        async for rows in self._pages(resource, fields, first):
            async for record in self._complete(kind, rows, fields):
                link = owners.get(record.id)
                yield (
                    record if link is None else replace(record, fields={**record.fields, EXTERNAL_LINK: link})
                )

    async def fetch(self, kind: EntityKind, ids: Collection[int]) -> AsyncIterator[TargetRecord]:
        """These records with all their fields; those that Halo does not have are left out."""
        waiting = iter(dict.fromkeys(ids))
        while some := list(islice(waiting, TOGETHER)):
            for record in await together(self._one(kind, id_) for id_ in some):
                if record is not None:
                    yield record

    async def held(self, wishes: Sequence[Desired]) -> dict[str, int | AmbiguousMatch]:
        """The record that holds each wish's identity, by the wish's source id; what Halo lacks is left out."""
        found: dict[str, set[int]] = {}
        async for record in self.candidates(wishes, ()):
            for wish in wishes:
                name, identity = wish.identity
                if comparable_id(as_text(record.fields.get(name))) == comparable_id(identity):
                    found.setdefault(wish.source_id, set()).add(record.id)
        unlinked = [
            wish for wish in wishes if wish.identity[0] == EXTERNAL_LINK and wish.source_id not in found
        ]
        answers = {
            wish.source_id: _one_of(wish, found[wish.source_id]) for wish in wishes if wish.source_id in found
        }
        return answers | {wish.source_id: why for wish in unlinked if (why := await self._namesake(wish))}

    async def _namesake(self, wish: Desired) -> AmbiguousMatch | None:
        """Whether Halo may have stored a record and left out the link that tells it from others of its name."""
        values = {**wish.when_empty, **wish.on_create, **wish.always}
        async for record in self.candidates([wish], (NAME,)):
            if as_text(record.fields.get(NAME)).casefold() == as_text(values.get(NAME)).casefold():
                return AmbiguousMatch(
                    f"The answer to a new record was lost, and Halo has one called '{record.name}' ({record.id}) "
                    "that is not linked. It is not guessed whether that is the one: let 'name' be among the match "
                    "fields, or link it by hand."
                )
        return None

    async def _asked(
        self, resource: Resource, asked: Sequence[Question], linked: Sequence[str]
    ) -> list[wire.Row] | None:
        """What Halo finds for these questions, or None when it does not take one of them."""
        waiting = iter(asked)
        found: dict[int, wire.Row] = {}
        while some := list(islice(waiting, TOGETHER)):
            try:
                answers = await together(self._lists.all(resource, question) for question in some)
            except RecordRefused as error:
                # Some instances have no advanced search, or not for every field.
                log.info("search_refused", resource=resource.path, why=error.message)
                return None
            found |= {wire.id_of(row): row for answer in answers for row in answer}
        ids = iter(linked)
        while several := list(islice(ids, TOGETHER)):
            owners = await together(self._links.owners(resource, id_) for id_ in several)
            rows = await together(self._row(resource, id_) for some_ in owners for id_ in some_)
            found |= {wire.id_of(row): row for row in rows if row is not None}
        return list(found.values())

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

    async def _complete(
        self, kind: EntityKind, rows: Sequence[wire.Row], fields: Collection[str]
    ) -> AsyncIterator[TargetRecord]:
        records = [self._record(kind, row) for row in rows]
        own = {name for name in fields if name.startswith(OWN)} | {EXTERNAL_LINK}
        if searching.hidden(set(fields) - own, records):
            async for whole in self.fetch(kind, [record.id for record in records]):
                yield whole
        else:
            for record in records:
                yield record

    async def _one(self, kind: EntityKind, id_: int) -> TargetRecord | None:
        row = await self._row(KINDS[kind], id_)
        if row is None:
            return None
        return await self._details.complete(self._record(kind, row))

    async def _row(self, resource: Resource, id_: int) -> wire.Row | None:
        try:
            body = await self._client.get(f"{resource.path}/{id_}", {"includedetails": "true"})
        except NotFound:
            return None
        return wire.single(body, resource)

    def _record(self, kind: EntityKind, row: wire.Row) -> TargetRecord:
        return wire.record(kind, row, self._links.label)


async def together(calls: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """The results of all calls; the first error ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call) for call in calls]
    except* HaloIntegratorError as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


def _one_of(wish: Desired, ids: Collection[int]) -> int | AmbiguousMatch:
    if len(ids) == 1:
        return next(iter(ids))
    name, identity = wish.identity
    return AmbiguousMatch(
        f"Halo has {len(ids)} records with {name} '{identity}': {', '.join(map(str, sorted(ids)))}. "
        "Merge them in Halo."
    )
