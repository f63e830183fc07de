"""Reading a source: what is unchanged is dropped at once, the rest waits on disk to be compared with Halo."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from halo_agent.engine import planner
from halo_agent.engine.attempt import Attempt
from halo_agent.engine.batches import batched
from halo_agent.engine.cleaning import as_far_as_text, cleaned, is_text
from halo_agent.engine.escrow import Kept
from halo_agent.engine.mapper import attributes_read, comparable_id, out_of_scope, wish
from halo_agent.engine.outcomes import of_error
from halo_agent.engine.ports import SourceItem, Wanted
from halo_agent.engine.records import Desired, Finished, Gone, Remark, SourceRecord, UnreadableRecord
from halo_shared.entities import EntityKind
from halo_shared.errors import IncompleteRead, RecordUnreadable
from halo_shared.messages.commands import Assignment
from halo_shared.messages.events import Stage
from halo_shared.outcomes import Result
from halo_shared.runs import Mode


@dataclass(slots=True)
class Reading:
    """What one read of one kind found, in numbers."""

    kind: EntityKind
    unfulfilled: set[str]
    """Attributes that the mapping wants and that no record has had yet."""
    end: Finished | None = None
    records: int = 0
    unreadable: int = 0
    outside: int = 0


@dataclass(frozen=True, slots=True)
class Proof:
    """How a read ended: whether absence is proved, and where the next one starts."""

    absence: bool
    cursor: str | None


async def read(attempt: Attempt, kind: EntityKind) -> Proof:
    """Everything the source has of this kind; raises IncompleteRead when it never said that it had finished."""
    wanted = _wanted(attempt.assignment, kind, attributes_read(attempt.mapping(kind)))
    reading = Reading(kind, unfulfilled=set(map(str.casefold, wanted.attributes)))
    await attempt.reporter.progress(Stage.READ, attempt.ledger.of(kind).read, None, attempt.ledger.counts)
    async with aclosing(attempt.source.read(wanted)) as items, aclosing(batched(items)) as batches:
        async for batch in batches:
            await _take(attempt, reading, batch)
            done = attempt.ledger.of(kind).read
            await attempt.reporter.progress(Stage.READ, done, None, attempt.ledger.counts)
    if reading.end is None:
        raise IncompleteRead(
            f"Reading {kind} stopped before the source said that it was complete; nothing was changed in Halo."
        )
    absence = reading.end.full and not reading.unreadable
    await _try_again(attempt, reading, absence=absence)
    await _remark(attempt, reading)
    # What could not be read at all cannot be kept either: the next read starts where this one did.
    cursor = attempt.assignment.cursors.get(kind) if reading.unreadable else reading.end.cursor
    return Proof(absence=absence, cursor=cursor)


async def _try_again(attempt: Attempt, reading: Reading, *, absence: bool) -> None:
    """Take up what failed in earlier runs and is due; forget what is proved to exist no more."""
    kind, escrow = reading.kind, attempt.escrow
    if absence:
        async for ids in escrow.ids(kind):
            await escrow.release(kind, await attempt.workspace.unseen(kind, ids))
        return
    async for kept in escrow.due(kind):
        unseen = await attempt.workspace.unseen(kind, list(kept))
        due = [what for source_id, what in kept.items() if source_id in unseen]
        await _take(attempt, reading, [what for what in due if not isinstance(what, Desired)])
        wishes = [what for what in due if isinstance(what, Desired)]
        await attempt.workspace.see(kind, [desired.source_id for desired in wishes])
        await _sort(attempt, reading, wishes)
    if resting := await attempt.workspace.unseen(kind, escrow.resting(kind)):
        attempt.ledger.add(kind, skipped=len(resting))
        await attempt.reporter.log(
            f"{len(resting)} {kind} failed before and are not tried again yet; find them with: "
            "halo-controller records find KEY"
        )


def _wanted(assignment: Assignment, kind: EntityKind, attributes: frozenset[str]) -> Wanted:
    return Wanted(
        kind,
        Mode.DELTA if assignment.mode is Mode.DELTA else Mode.FULL,
        assignment.cursors.get(kind),
        attributes,
    )


async def _take(attempt: Attempt, reading: Reading, batch: Sequence[SourceItem]) -> None:
    away: dict[str, str] = {}
    records = []
    for item in (_checked(item) for item in batch):
        match item:
            case SourceRecord():
                reading.unfulfilled.difference_update(map(str.casefold, item.attributes))
                if outside := out_of_scope(item, attempt.mapping(reading.kind)):
                    reading.outside += 1
                    away[comparable_id(item.id)] = f"it left the scope ({outside})"
                else:
                    records.append(item)
            case UnreadableRecord():
                await _fail(attempt, reading, item)
            case Gone():
                away[comparable_id(item.id)] = item.reason
            case Remark():
                await attempt.reporter.log(item.text)
            case Finished():
                reading.end = item
    await attempt.workspace.lose(reading.kind, away)
    await attempt.escrow.release(reading.kind, away)
    await _sort(attempt, reading, [desired async for desired in _wishes(attempt, reading, records)])


def _checked(item: SourceItem) -> SourceItem:
    """The item, or why it cannot be told which record it is."""
    if isinstance(item, Gone) and not is_text(item.id):
        return UnreadableRecord(item.kind, as_far_as_text(item.id), "it is gone, and its id is not text")
    if isinstance(item, UnreadableRecord):
        return UnreadableRecord(item.kind, as_far_as_text(item.place), as_far_as_text(item.reason))
    if not isinstance(item, SourceRecord):
        return item
    if not item.id.strip():
        return UnreadableRecord(item.kind, item.name, "the source gives no id for it")
    record = cleaned(item)
    if not is_text(item.id):
        return UnreadableRecord(item.kind, record.name, "its id is not text")
    return record


async def _wishes(
    attempt: Attempt, reading: Reading, records: Sequence[SourceRecord]
) -> AsyncIterator[Desired]:
    """What is wished for each record that is read for the first time and can be mapped."""
    new = await attempt.workspace.see(reading.kind, [comparable_id(record.id) for record in records])
    for record in records:
        source_id = comparable_id(record.id)
        if source_id not in new:
            why = f"the source gives the id '{record.id}' twice; the first is used"
            await _fail(attempt, reading, UnreadableRecord(record.kind, record.name, why))
            continue
        new.remove(source_id)
        reading.records += 1
        try:
            yield wish(record, attempt.mapping(reading.kind))
        except RecordUnreadable as error:
            attempt.ledger.add(reading.kind, read=1, skipped=1)
            if _rests(attempt, reading.kind, source_id, record):
                continue
            await attempt.escrow.keep(reading.kind, {source_id: record})
            await attempt.reporter.record(reading.kind, source_id, record.name, "skipped", error)
            await attempt.reporter.outcome(
                of_error(reading.kind, source_id, record.name, Result.SKIPPED, error)
            )


async def _sort(attempt: Attempt, reading: Reading, wishes: Sequence[Desired]) -> None:
    known = await attempt.links.find(reading.kind, [desired.source_id for desired in wishes])
    anew = attempt.assignment.mode is Mode.RECONCILE
    waiting = []
    fulfilled = []
    for desired in wishes:
        link = known.get(desired.source_id)
        if not anew and planner.unchanged(desired, link):
            fulfilled.append(desired.source_id)
        elif not _rests(attempt, reading.kind, desired.source_id, desired):
            waiting.append((desired, link if link and link.halo_id is not None else None))
    await attempt.workspace.wait(reading.kind, waiting)
    await attempt.escrow.release(reading.kind, fulfilled)
    resting = len(wishes) - len(waiting) - len(fulfilled)
    attempt.ledger.add(reading.kind, read=len(wishes), unchanged=len(fulfilled), skipped=resting)


def _rests(attempt: Attempt, kind: EntityKind, source_id: str, what: Kept) -> bool:
    """Whether this failed before as it is and is not tried again yet; a reconciliation tries everything."""
    anew = attempt.assignment.mode is Mode.RECONCILE
    return not anew and attempt.escrow.holds_back(kind, source_id, what)


async def _fail(attempt: Attempt, reading: Reading, item: UnreadableRecord) -> None:
    reading.unreadable += 1
    attempt.ledger.add(reading.kind, failed=1)
    error = RecordUnreadable(f"{item.place}: {item.reason}")
    await attempt.reporter.record(reading.kind, "", item.place, "failed", error)
    await attempt.reporter.outcome(of_error(reading.kind, "", item.place, Result.FAILED, error))


async def _remark(attempt: Attempt, reading: Reading) -> None:
    for text in _remarks(reading):
        await attempt.reporter.log(text)


def _remarks(reading: Reading) -> Iterator[str]:
    """What somebody should know of a read although nothing failed."""
    if reading.unfulfilled and reading.records:
        names = ", ".join(sorted(reading.unfulfilled))
        yield (
            f"The mapping of {reading.kind} reads {names}, which none of {reading.records} records has: "
            "is it spelt right?"
        )
    if reading.outside:
        yield f"{reading.outside} {reading.kind} are outside the scope of the mapping."
    if reading.end and reading.end.full and reading.unreadable:
        # What was not seen may be what could not be read: a read with gaps proves no absence.
        yield (
            f"{reading.unreadable} {reading.kind} could not be read and may be any of those that were not seen, "
            "so none is deactivated for its absence until they can."
        )
