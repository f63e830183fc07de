"""Changes to Halo calls: finds, fetches, and writes so that repeating does no harm."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Coroutine, Iterable, Sequence
from itertools import islice
from typing import Final, TypeVar, assert_never

from halo_agent.engine.changes import Answer, Applied, Change, Create, Retire, Update
from halo_agent.engine.mapper import comparable_id
from halo_agent.engine.records import Desired, Place, PlaceIds, TargetRecord
from halo_agent.engine.values import as_text
from halo_agent.targets.halo import searching, wire
from halo_agent.targets.halo.auth import HaloAuth
from halo_agent.targets.halo.check import Step, check
from halo_agent.targets.halo.client import CONNECTIONS, HaloClient, Params
from halo_agent.targets.halo.directory import Directory
from halo_agent.targets.halo.errors import AnswerLost, NotFound
from halo_agent.targets.halo.paging import Lists, Page
from halo_agent.targets.halo.searching import Question, Way
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.entities import EntityKind
from halo_shared.errors import AmbiguousMatch, HaloIntegratorError, RecordError, RecordRefused

T = TypeVar("T")
log = logs.get(__name__)

LOOK_AFTER: Final = (2.0, 10.0, 30.0)
"""Seconds between a lost answer and the look whether the record is there: Halo may still be storing it."""


class HaloTarget:
    """One Halo instance as the engine's Target. Writes users and assets."""

    def __init__(self, client: HaloClient, auth: HaloAuth, lists: Lists, clock: Clock) -> None:
        self._client = client
        self._auth = auth
        self._lists = lists
        self._clock = clock
        self._directory = Directory(client, lists)

    @property
    def requests(self) -> int:
        """Requests made to Halo's API so far."""
        return self._client.requests

    def check(self) -> AsyncIterator[Step]:
        """Each stage of a trial as it succeeds; the first that fails raises an error that says what to do."""
        return check(self._auth, self._client, self._lists)

    async def candidates(
        self, wishes: Sequence[Desired], match: Sequence[str]
    ) -> AsyncIterator[TargetRecord]:
        """Every record, inactive ones too, that could be the same as one of these wishes.

        Asks for each value or lists all, whichever takes fewer requests; a record whose list row leaves out
        something that is compared is read by itself. Assumes that Halo's searches ignore upper and lower case,
        and that its plain search looks into the fields that `wire.KINDS` says it does.
        """
        if not wishes:
            return
        kind = wishes[0].kind
        resource = wire.resource_of(kind)
        fields = searching.compared(wishes, match)
        first = await self._lists.page(resource)
        shown = [wire.record(kind, row) for row in first.rows]
        asked = searching.questions(resource, wishes, match)
        hidden = bool(searching.hidden(fields, shown))
        choice = searching.choose(asked, first.count, self._lists.page_size, hidden=hidden)
        log.debug("candidates", kind=kind, way=choice.way, reason=choice.reason)
        found = await self._answers(resource, asked) if asked and choice.way is Way.ASK else None
        rows = await self._everything(resource, first, fields) if found is None else found
        async for record in self._complete(kind, rows, fields):
            yield record

    async def everything(self, kind: EntityKind, fields: Collection[str]) -> AsyncIterator[TargetRecord]:
        """Every record, inactive ones too; one whose list row leaves out one of the fields is read by itself."""
        resource = wire.resource_of(kind)
        rows = await self._everything(resource, await self._lists.page(resource), fields)
        async for record in self._complete(kind, rows, fields):
            yield record

    async def locate(self, place: Place) -> PlaceIds:
        """The ids of a place, read once; raises Unplaced with the names that come near."""
        return await self._directory.ids_of(place)

    async def type_id(self, name: str) -> int:
        """The id of an asset type, read once; raises MappingInvalid with the names that come near."""
        return (await self._directory.asset_type(name)).id

    async def fetch(self, kind: EntityKind, ids: Collection[int]) -> AsyncIterator[TargetRecord]:
        """These records with all their fields; those that Halo does not have are left out."""
        resource = wire.resource_of(kind)
        waiting = iter(dict.fromkeys(ids))
        while some := list(islice(waiting, CONNECTIONS)):
            for row in await _together(self._one(resource, id_) for id_ in some):
                if row is not None:
                    yield wire.record(kind, row)

    async def apply(self, changes: Sequence[Change]) -> AsyncGenerator[tuple[Change, Answer], None]:
        """Make the changes. A new record whose answer is lost is looked for before it is sent again."""
        for change in changes:
            try:
                yield change, await self._apply(change)
            except RecordError as error:
                yield change, error

    async def _apply(self, change: Change) -> Applied:
        resource = wire.resource_of(change.kind)
        match change:
            case Create(desired=desired):
                return await self._create(resource, desired)
            case Update():
                return Applied(await self._client.write(resource.path, await self._changed(change)))
            case Retire():
                return Applied(await self._client.write(resource.path, wire.retired(change)))
            case _:
                assert_never(change)

    async def _answers(self, resource: wire.Resource, asked: Sequence[Question]) -> list[wire.Row] | None:
        """What Halo finds for these questions, or None when it does not take one of them."""
        waiting = iter(asked)
        found: dict[int, wire.Row] = {}
        while some := list(islice(waiting, CONNECTIONS)):
            try:
                answers = await _together(self._lists.all(resource, question) for question in some)
            except RecordRefused as error:
                # Some instances have no advanced search, or not for every field.
                log.info("search_refused", resource=resource.path, why=error.message)
                return None
            found |= {wire.id_of(row): row for answer in answers for row in answer}
        return list(found.values())

    async def _everything(
        self, resource: wire.Resource, first: Page, fields: Collection[str]
    ) -> Sequence[wire.Row]:
        """All rows; where own fields are compared, read type by type, as Halo shows them in no other list."""
        if resource.typed and any(name.startswith(wire.OWN) for name in fields):
            rows: list[wire.Row] = []
            for type_ in await self._directory.asset_types():
                params: Params = {wire.ASSET_TYPE_ID: type_.id, "includeassetfields": "true"}
                rows += await self._lists.all(resource, params)
            return rows
        return first.rows if first.whole else await self._lists.all(resource)

    async def _complete(
        self, kind: EntityKind, rows: Sequence[wire.Row], fields: Collection[str]
    ) -> AsyncIterator[TargetRecord]:
        records = [wire.record(kind, row) for row in rows]
        own = {name for name in fields if name.startswith(wire.OWN)}
        if searching.hidden(set(fields) - own, records):
            async for whole in self.fetch(kind, [record.id for record in records]):
                yield whole
        else:
            for record in records:
                yield record

    async def _one(self, resource: wire.Resource, id_: int) -> wire.Row | None:
        try:
            body = await self._client.get(f"{resource.path}/{id_}", {"includedetails": "true"})
        except NotFound:
            return None
        return wire.single(body, resource)

    async def _create(self, resource: wire.Resource, desired: Desired) -> Applied:
        at = await self._place(desired)
        type_ = await self._directory.asset_type(desired.asset_type) if desired.asset_type else None
        body = wire.new(desired, at, type_)
        for pause in LOOK_AFTER:
            try:
                return Applied(await self._client.write(resource.path, body))
            except AnswerLost as error:
                log.info("answer_lost", kind=desired.kind, source_id=desired.source_id, why=error.message)
            await self._clock.sleep(pause)
            found = await self._find(desired)
            if found is not None:
                return Applied(found, found=True)
        return Applied(await self._client.write(resource.path, body))

    async def _place(self, desired: Desired) -> PlaceIds | None:
        """The place by name, where the wish does not say it by ids."""
        if desired.place is None or "site_id" in {**desired.on_create, **desired.always}:
            return None
        return await self._directory.ids_of(desired.place)

    async def _find(self, desired: Desired) -> int | None:
        """The record that holds this identity, if Halo has it."""
        name, identity = desired.identity
        wanted = comparable_id(identity)
        found = [
            record.id
            async for record in self.candidates([desired], ())
            if comparable_id(as_text(record.fields.get(name))) == wanted
        ]
        if len(found) > 1:
            raise AmbiguousMatch(
                f"Halo has {len(found)} records with {name} '{identity}': {', '.join(map(str, found))}. "
                "Merge them in Halo."
            )
        return found[0] if found else None

    async def _changed(self, change: Update) -> wire.Row:
        """The body of an update; field ids are those of the type that the asset has in Halo."""
        if not any(name.startswith(wire.OWN) for name in change.fields):
            return wire.changed(change, None)
        type_id = change.existing.fields.get(wire.ASSET_TYPE_ID)
        type_ = await self._directory.asset_type_by_id(type_id) if isinstance(type_id, int) else None
        return wire.changed(change, type_)


async def _together(calls: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """The results of all calls; the first error ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call) for call in calls]
    except* HaloIntegratorError as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
