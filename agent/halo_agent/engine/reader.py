"""Reading a source: what is unchanged is dropped at once, the rest waits to be compared with Halo."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from halo_agent.engine import planner
from halo_agent.engine.attempt import Attempt
from halo_agent.engine.mapper import attributes_wanted, wish
from halo_agent.engine.ports import SourceItem
from halo_agent.engine.records import Desired, Finished, Link, SourceRecord, UnreadableRecord
from halo_shared.entities import EntityKind
from halo_shared.errors import IncompleteRead, RecordUnreadable
from halo_shared.messages.events import Stage
from halo_shared.runs import Mode, Tally

BATCH: Final = 500
"""Records whose links are looked up together: what crosses a thread is dear one by one."""


@dataclass(slots=True)
class Reading:
    """What one read of one kind found."""

    kind: EntityKind
    unfulfilled: set[str]
    """Attributes that the mapping wants and that no record has had yet."""
    end: Finished | None = None
    changed: list[tuple[Desired, Link]] = field(default_factory=list)
    """Linked records whose wish is no longer the one that was fulfilled."""
    unknown: list[Desired] = field(default_factory=list)
    """Records that no link is known of."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How a read ended: whether absence is proved, and where the next one starts."""

    absence: bool
    cursor: str | None


async def read(attempt: Attempt, kind: EntityKind) -> tuple[Reading, Proof]:
    """Everything the source has of this kind; raises IncompleteRead when it never said that it had finished."""
    assignment = attempt.assignment
    mapping = assignment.integration.mapping[kind]
    reading = Reading(kind, unfulfilled=attributes_wanted(mapping))
    items = attempt.source.read(kind, assignment.mode, assignment.cursors.get(kind))
    async for batch in _batches(items):
        await _take(attempt, reading, batch)
        done = attempt.ledger.of(kind).read
        await attempt.reporter.progress(Stage.READ, done, None, attempt.ledger.counts)
    if reading.end is None:
        raise IncompleteRead(
            f"Reading {kind} stopped before the source said that it was complete; nothing was changed in Halo."
        )
    await _say_what_no_record_has(attempt, reading)
    return reading, Proof(
        absence=reading.end.full and assignment.mode is Mode.FULL, cursor=reading.end.cursor
    )


async def _take(attempt: Attempt, reading: Reading, batch: Sequence[SourceItem]) -> None:
    mapping = attempt.assignment.integration.mapping[reading.kind]
    wishes = []
    for item in batch:
        match item:
            case SourceRecord():
                reading.unfulfilled.difference_update(map(str.casefold, item.attributes))
                wishes.append(wish(item, mapping))
            case UnreadableRecord(kind, place, reason):
                attempt.ledger.add(kind, failed=1)
                error = RecordUnreadable(f"{place}: {reason}")
                await attempt.reporter.record(kind, "", place, "failed", error)
            case Finished():
                reading.end = item
    await _sort(attempt, reading, wishes)


async def _sort(attempt: Attempt, reading: Reading, wishes: Sequence[Desired]) -> None:
    ids = [desired.source_id for desired in wishes]
    known = await attempt.links.find(reading.kind, ids)
    await attempt.links.mark_seen(reading.kind, ids)
    same = 0
    for desired in wishes:
        link = known.get(desired.source_id)
        if planner.unchanged(desired, link):
            same += 1
        elif link is None or link.halo_id is None:
            reading.unknown.append(desired)
        else:
            reading.changed.append((desired, link))
    attempt.ledger.add(reading.kind, read=len(wishes), unchanged=same)


async def _batches(items: AsyncIterator[SourceItem]) -> AsyncIterator[list[SourceItem]]:
    batch: list[SourceItem] = []
    async for item in items:
        batch.append(item)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def _say_what_no_record_has(attempt: Attempt, reading: Reading) -> None:
    tally: Tally = attempt.ledger.of(reading.kind)
    if reading.unfulfilled and tally.read:
        names = ", ".join(sorted(reading.unfulfilled))
        await attempt.reporter.log(
            f"The mapping of {reading.kind} reads {names}, which none of {tally.read} records has: is it spelt right?"
        )
