"""Reading a source: what is unchanged is dropped at once, the rest waits to be compared with Halo."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from halo_agent.engine import planner
from halo_agent.engine.attempt import Attempt
from halo_agent.engine.mapper import attributes_read, comparable_id, wish
from halo_agent.engine.ports import SourceItem, Wanted
from halo_agent.engine.records import Desired, Finished, Gone, Link, Remark, SourceRecord, UnreadableRecord
from halo_shared.entities import EntityKind
from halo_shared.errors import IncompleteRead, RecordUnreadable
from halo_shared.messages.commands import Assignment
from halo_shared.messages.events import Stage
from halo_shared.runs import Mode

BATCH: Final = 500
"""Records whose links are looked up together: what crosses a thread is dear one by one."""


@dataclass(slots=True)
class Reading:
    """What one read of one kind found."""

    kind: EntityKind
    unfulfilled: set[str]
    """Attributes that the mapping wants and that no record has had yet."""
    end: Finished | None = None
    ids: set[str] = field(default_factory=set)
    """Of every record that was read."""
    unreadable: int = 0
    changed: list[tuple[Desired, Link]] = field(default_factory=list)
    """Linked records whose wish is no longer the one that was fulfilled."""
    unknown: list[Desired] = field(default_factory=list)
    """Records that no link is known of."""
    gone: dict[str, str] = field(default_factory=dict)
    """Source ids that are proved to be away, and how it is known."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How a read ended: whether absence is proved, and where the next one starts."""

    absence: bool
    cursor: str | None


async def read(attempt: Attempt, kind: EntityKind) -> tuple[Reading, Proof]:
    """Everything the source has of this kind; raises IncompleteRead when it never said that it had finished."""
    assignment = attempt.assignment
    reading = Reading(
        kind, unfulfilled=set(map(str.casefold, attributes_read(assignment.integration.mapping[kind])))
    )
    async with (
        aclosing(attempt.source.read(_wanted(assignment, kind))) as items,
        aclosing(_batches(items)) as batches,
    ):
        async for batch in batches:
            await _take(attempt, reading, batch)
            done = attempt.ledger.of(kind).read
            await attempt.reporter.progress(Stage.READ, done, None, attempt.ledger.counts)
    if reading.end is None:
        raise IncompleteRead(
            f"Reading {kind} stopped before the source said that it was complete; nothing was changed in Halo."
        )
    await _say_what_no_record_has(attempt, reading)
    return reading, await _proof(attempt, reading, reading.end)


def _wanted(assignment: Assignment, kind: EntityKind) -> Wanted:
    return Wanted(
        kind,
        Mode.DELTA if assignment.mode is Mode.DELTA else Mode.FULL,
        assignment.cursors.get(kind),
        attributes_read(assignment.integration.mapping[kind]),
    )


async def _proof(attempt: Attempt, reading: Reading, end: Finished) -> Proof:
    """What was not seen may be what could not be read: a read with gaps proves no absence."""
    if end.full and reading.unreadable:
        await attempt.reporter.log(
            f"{reading.unreadable} {reading.kind} could not be read and may be any of those that were not seen, "
            "so none is deactivated for its absence until they can."
        )
    return Proof(absence=end.full and not reading.unreadable, cursor=end.cursor)


async def _take(attempt: Attempt, reading: Reading, batch: Sequence[SourceItem]) -> None:
    mapping = attempt.assignment.integration.mapping[reading.kind]
    wishes = []
    for item in (_checked(reading, item) for item in batch):
        if isinstance(item, SourceRecord):
            reading.unfulfilled.difference_update(map(str.casefold, item.attributes))
            wishes.append(wish(item, mapping))
        elif isinstance(item, UnreadableRecord):
            reading.unreadable += 1
            attempt.ledger.add(reading.kind, failed=1)
            error = RecordUnreadable(f"{item.place}: {item.reason}")
            await attempt.reporter.record(reading.kind, "", item.place, "failed", error)
        elif isinstance(item, Gone):
            reading.gone[comparable_id(item.id)] = item.reason
        elif isinstance(item, Remark):
            await attempt.reporter.log(item.text)
        else:
            reading.end = item
    await _sort(attempt, reading, wishes)


def _checked(reading: Reading, item: SourceItem) -> SourceItem:
    """The item, or why it cannot be told which record it is."""
    if not isinstance(item, SourceRecord):
        return item
    source_id = comparable_id(item.id)
    if not source_id:
        return UnreadableRecord(item.kind, item.name, "the source gives no id for it")
    if source_id in reading.ids:
        return UnreadableRecord(
            item.kind, item.name, f"the source gives the id '{item.id}' twice; the first is used"
        )
    reading.ids.add(source_id)
    return item


async def _sort(attempt: Attempt, reading: Reading, wishes: Sequence[Desired]) -> None:
    ids = [desired.source_id for desired in wishes]
    known = await attempt.links.find(reading.kind, ids)
    await attempt.links.mark_seen(reading.kind, ids)
    anew = attempt.assignment.mode is Mode.RECONCILE
    same = 0
    for desired in wishes:
        link = known.get(desired.source_id)
        if not anew and planner.unchanged(desired, link):
            same += 1
        elif link is None or link.halo_id is None:
            reading.unknown.append(desired)
        else:
            reading.changed.append((desired, link))
    attempt.ledger.add(reading.kind, read=len(wishes), unchanged=same)


async def _batches(items: AsyncIterator[SourceItem]) -> AsyncGenerator[list[SourceItem], None]:
    batch: list[SourceItem] = []
    async for item in items:
        batch.append(item)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def _say_what_no_record_has(attempt: Attempt, reading: Reading) -> None:
    if reading.unfulfilled and reading.ids:
        names = ", ".join(sorted(reading.unfulfilled))
        await attempt.reporter.log(
            f"The mapping of {reading.kind} reads {names}, which none of {len(reading.ids)} records has: is it spelt right?"
        )
