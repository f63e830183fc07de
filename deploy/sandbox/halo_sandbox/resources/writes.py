"""POST, as every resource takes it: no id creates and looks for no duplicate, an id updates in part."""

from dataclasses import dataclass

from halo_sandbox import errors
from halo_sandbox.resources.links import EXTERNAL_LINK
from halo_sandbox.resources.resource import Resource, View
from halo_sandbox.schema import Document
from halo_sandbox.settings import Multi, ValidateOnly
from halo_sandbox.storage import Storage
from halo_shared.clock import Clock

# Properties that tell Halo what to do and are not part of the record.
INSTRUCTIONS = ("_", "new_", "newclient_", "newsite_")


class _Validated(Exception):
    """The row would have been stored as it is shown; nothing of it is kept."""

    def __init__(self, shown: Document) -> None:
        self.shown = shown


@dataclass(frozen=True, slots=True)
class Writer:
    """Stores the rows of one resource."""

    resource: Resource
    storage: Storage
    clock: Clock
    validate_only: ValidateOnly = "refused"

    async def answer(self, rows: list[Document], multi: Multi, bad_row: int | None) -> object:
        """The body of a successful POST: the record, or what the switch says for several."""
        if multi == "one":
            rows = rows[:1]
        if multi == "all_or_nothing" and not any(row.get("_validateonly") for row in rows):
            async with self.storage.transaction():
                saved = [await self._row(row, n, bad_row) for n, row in enumerate(rows, 1)]
        else:
            reported = multi == "per_row" and len(rows) > 1
            saved = [await self._alone(row, n, bad_row, reported) for n, row in enumerate(rows, 1)]
        return saved[0] if len(saved) == 1 or multi == "first" else saved

    async def _alone(self, row: Document, number: int, bad_row: int | None, reported: bool) -> Document:
        """One row for itself: those before it stay stored, whatever becomes of it."""
        try:
            async with self.storage.transaction():
                return await self._row(row, number, bad_row)
        except _Validated as validated:
            return {**validated.shown, "id": row.get("id", 0)}
        except errors.Refusal as refusal:
            if not reported:
                raise
            return {"error": refusal.body}

    async def _row(self, row: Document, number: int, bad_row: int | None) -> Document:
        if row.get("_validateonly") and self.validate_only == "refused":
            raise errors.exception("_validateonly is not supported by this sandbox")
        if number == bad_row:
            raise errors.exception(f"Row {number} was refused because a fault asked for it")
        document = await self.save(row)
        shown = await self.resource.present(self.storage, [document], View(True, True))
        if row.get("_validateonly") and self.validate_only == "obeyed":
            raise _Validated(shown[0])
        return shown[0]

    async def save(self, sent: Document) -> Document:
        """Create or update one record; must be called in a transaction."""
        # Halo's own clients send `id: 0` for a new record.
        before = await self._existing(sent["id"]) if sent.get("id") else None
        changes = {name: value for name, value in sent.items() if not name.startswith(INSTRUCTIONS)}
        await self._check_references(changes)
        document = await self.resource.settle(self.storage, self._merge(before, changes), sent)
        self._check_columns(document)
        document = self._stamp(document, first=before is None)
        if before is None:
            document = await self.storage.insert(self.resource.path, document)
            document = await self.resource.born_with(self.storage, document, sent)
        else:
            await self.storage.replace(self.resource.path, document)
        document = await self.resource.follow(self.storage, document, sent)
        if link := sent.get("new_external_link"):
            await self._link(document, link)
        return document

    async def _existing(self, identity: int) -> Document:
        before = await self.storage.get(self.resource.path, identity)
        if before is None:
            raise errors.Refusal(404)
        return before

    async def _check_references(self, changes: Document) -> None:
        for name, path in self.resource.references.items():
            value = changes.get(name)
            if value is not None and await self.storage.get(path, value) is None:
                raise errors.exception(f"{name} {int(value)} does not exist in {path}")

    def _merge(self, before: Document | None, changes: Document) -> Document:
        old: Document = before or ({self.resource.off: False} if self.resource.retires else {})
        lists = {
            name: merge_entries(old.get(name, []), changes[name])
            for name in self.resource.merged
            if name in changes
        }
        return {**old, **changes, **lists}

    def _check_columns(self, document: Document) -> None:
        table = self.resource.database_table
        for column in self.resource.columns:
            value = document.get(column.property)
            if value is None and column.required:
                raise errors.null_refused(table, column.name)
            if column.length and isinstance(value, str) and len(value) > column.length:
                raise errors.truncated(table, column.name, value[: column.length])

    def _stamp(self, document: Document, *, first: bool) -> Document:
        now = self.clock.now().isoformat(timespec="microseconds")
        stamps = {self.resource.stamp: now}
        if first:
            stamps[self.resource.born] = now
        return {**document, **{name: moment for name, moment in stamps.items() if name}}

    async def _link(self, document: Document, link: Document) -> None:
        owner = {"table_id": self.resource.link_table, "halo_id": document["id"]}
        await Writer(EXTERNAL_LINK, self.storage, self.clock).save({**link, **owner, "id": None})


def merge_entries(old: list[Document], sent: list[Document]) -> list[Document]:
    """Entries known by id or name are changed, others are added; none is ever dropped."""
    merged = list(old)
    for entry in sent:
        place = next((i for i, known in enumerate(merged) if same_entry(known, entry)), None)
        if place is None:
            merged.append(entry)
        else:
            merged[place] = {**merged[place], **entry}
    return merged


def same_entry(known: Document, sent: Document) -> bool:
    if "id" in sent:
        return bool(known.get("id") == sent["id"])
    return bool(str(known.get("name", "")).lower() == str(sent.get("name", "")).lower())
