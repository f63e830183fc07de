"""One Halo instance as the engine's Target: what it is asked for, and which part does it."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from typing import assert_never

from halo_agent.engine.changes import Answer, Change, Create, Retire, Update
from halo_agent.engine.records import Desired, Place, PlaceIds, TargetRecord
from halo_agent.targets.halo import drafts, error_log, wire
from halo_agent.targets.halo.auth import HaloAuth
from halo_agent.targets.halo.check import Step, check
from halo_agent.targets.halo.client import HaloClient
from halo_agent.targets.halo.details import Details
from halo_agent.targets.halo.directory import Directory
from halo_agent.targets.halo.drafts import Draft
from halo_agent.targets.halo.fields import KnownFields
from halo_agent.targets.halo.finding import Finder
from halo_agent.targets.halo.paging import Lists
from halo_agent.targets.halo.reading import Reader
from halo_agent.targets.halo.resources import ASSET_TYPE_ID, CLIENT_ID, KINDS, OWN, SITE_ID, Within
from halo_agent.targets.halo.rights import Right, Rights
from halo_agent.targets.halo.switches import Switches
from halo_agent.targets.halo.wire import AssetType
from halo_agent.targets.halo.writer import Writer
from halo_shared.entities import EntityKind
from halo_shared.errors import RecordError, StillNeeded, Unplaced


class HaloTarget:
    """Finds, reads and writes the records of one instance."""

    def __init__(  # noqa: PLR0913, PLR0917  its parts, put together in `open_halo`
        self,
        client: HaloClient,
        auth: HaloAuth,
        lists: Lists,
        directory: Directory,
        reader: Reader,
        finder: Finder,
        writer: Writer,
        switches: Switches,
        fields: KnownFields,
        details: Details,
        label: str,
    ) -> None:
        self._client = client
        self._auth = auth
        self._lists = lists
        self._directory = directory
        self._reader = reader
        self._finder = finder
        self._writer = writer
        self._switches = switches
        self._fields = fields
        self._details = details
        self._label = label

    @property
    def requests(self) -> int:
        """Requests made to Halo's API so far."""
        return self._client.requests

    def check(self) -> AsyncIterator[Step]:
        """Each stage of a trial as it succeeds; the first that fails raises an error that says what to do."""
        return check(self._auth, self._client, self._lists)

    async def rights(self, kinds: Collection[EntityKind], *, tickets: bool = False) -> Sequence[Right]:
        """Every right that these entities need, each with what is missing. Nothing is written."""
        return await Rights(self._auth, self._client).of(kinds, tickets=tickets)

    async def write_errors(self, rows: Sequence[wire.Row]) -> None:
        """Add rows to Halo's own list of integration errors."""
        for row in rows:
            await self._client.post(error_log.PATH, [row], repeatable=False)

    def candidates(self, wishes: Sequence[Desired], match: Sequence[str]) -> AsyncIterator[TargetRecord]:
        """Every record, inactive ones too, that could be the same as one of these wishes."""
        return self._finder.candidates(wishes, match)

    def everything(self, kind: EntityKind, fields: Collection[str]) -> AsyncIterator[TargetRecord]:
        """Every record, inactive ones too, with at least these fields."""
        return self._reader.everything(kind, fields)

    async def locate(self, place: Place) -> PlaceIds:
        """The ids of a place, read once; raises Unplaced with the names that come near."""
        return await self._directory.ids_of(place)

    async def type_id(self, name: str) -> int:
        """The id of an asset type, read once; raises MappingInvalid with the names that come near."""
        return (await self._directory.asset_type(name)).id

    def fetch(
        self, kind: EntityKind, ids: Collection[int], beside: Collection[str] = ()
    ) -> AsyncIterator[TargetRecord]:
        """These records with all their fields; those that Halo does not have are left out."""
        return self._reader.fetch(kind, ids, beside)

    async def apply(self, changes: Sequence[Change]) -> AsyncGenerator[tuple[Change, Answer], None]:
        """Make the changes. A new record whose answer is lost is looked for before it is sent again."""
        ready: list[Draft] = []
        for change in changes:
            try:
                ready.append(await self._draft(change))
            except RecordError as error:
                yield change, error
        async for draft, answer in self._writer.write(ready):
            yield draft.change, answer

    async def _draft(self, change: Change) -> Draft:
        await self._fields.look_at(change)
        hints = await self._switches.hints(KINDS[change.kind])
        match change:
            case Create(desired=desired):
                type_ = await self._directory.asset_type(desired.asset_type) if desired.asset_type else None
                return drafts.new(change, await self._place(desired), type_, hints, self._label)
            case Update():
                return drafts.changed(change, await self._type_of(change), hints)
            case Retire():
                await self._let_go(change)
                return drafts.retired(change, hints)
            case _:
                assert_never(change)

    async def _let_go(self, change: Retire) -> None:
        """Look once more, right before a user is retired: a ticket may have come since the plan was made."""
        if change.kind is not EntityKind.USERS or not self._details.minds_tickets:
            return
        if tickets := await self._details.open_tickets(change.halo_id):
            raise StillNeeded(f"It has {tickets} open tickets: close them, and a later run retires it.")

    async def _place(self, desired: Desired) -> dict[str, int]:
        """Where a new record goes, where the wish does not say it by Halo's own ids."""
        within = KINDS[desired.kind].within
        needed = {Within.NOTHING: None, Within.CLIENT: CLIENT_ID, Within.SITE: SITE_ID}[within]
        if needed is None or needed in {**desired.on_create, **desired.always}:
            return {}
        if desired.place is None:
            raise Unplaced(f"Nothing says which {within} it belongs to: add a default to mapping.place.")
        if within is Within.CLIENT:
            return {CLIENT_ID: await self._directory.client_id(desired.place)}
        ids = await self._directory.ids_of(desired.place)
        return {CLIENT_ID: ids.client_id, SITE_ID: ids.site_id}

    async def _type_of(self, change: Update) -> AssetType | None:
        """The type of the asset in Halo, whose field ids an update of own fields needs."""
        if not any(name.startswith(OWN) for name in change.fields):
            return None
        type_id = change.fields.get(ASSET_TYPE_ID) or change.existing.fields.get(ASSET_TYPE_ID)
        return await self._directory.asset_type_by_id(type_id) if isinstance(type_id, int) else None
