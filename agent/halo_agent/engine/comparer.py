"""Comparing what was read with what Halo holds, until every record has its decision."""

from collections.abc import AsyncIterator, Iterable

from halo_agent.engine import planner
from halo_agent.engine.attempt import Attempt
from halo_agent.engine.changes import Adopt, Decision
from halo_agent.engine.matcher import Candidates, Matched, match
from halo_agent.engine.reader import Proof, Reading
from halo_agent.engine.records import Desired, Link, TargetRecord
from halo_shared.entities import EntityKind
from halo_shared.messages.events import Stage


async def compare(attempt: Attempt, reading: Reading, proof: Proof) -> list[Decision]:
    """A decision, with its reason, for each record that is not known to be unchanged."""
    decisions: list[Decision] = []
    unknown = list(reading.unknown)
    held = await _held(attempt, reading.kind, (link for _, link in reading.changed))
    for desired, link in reading.changed:
        if existing := held.get(link.halo_id):
            decisions.append(planner.for_link(desired, link, existing))
        else:
            unknown.append(desired)
    decisions += [decision async for decision in _of_unknown(attempt, reading.kind, unknown)]
    in_step = sum(isinstance(decision, Adopt) for decision in decisions)
    attempt.ledger.add(reading.kind, unchanged=in_step)
    decisions += await _of_gone(attempt, reading)
    if proof.absence:
        decisions += await _of_absent(attempt, reading)
    return decisions


async def _of_unknown(attempt: Attempt, kind: EntityKind, unknown: list[Desired]) -> AsyncIterator[Decision]:
    """Records without a link, or whose record in Halo is gone: matched against all that could be the same."""
    if not unknown:
        return
    mapping = attempt.assignment.integration.mapping[kind]
    found = [record async for record in attempt.target.candidates(unknown, mapping.match)]
    taken = await attempt.links.taken(kind, [record.id for record in found])
    matches = match(unknown, Candidates(found, mapping.identity, mapping.match), taken)
    for done, (desired, matched) in enumerate(zip(unknown, matches, strict=True), start=1):
        if isinstance(matched, Matched):
            yield planner.for_match(desired, await _whole(attempt, desired, matched))
        else:
            yield planner.for_match(desired, matched)
        await attempt.reporter.progress(Stage.MATCH, done, len(unknown), attempt.ledger.counts)


async def _of_gone(attempt: Attempt, reading: Reading) -> list[Decision]:
    """Linked records that the source says are away; what was read besides is there after all."""
    gone = [source_id for source_id in reading.gone if source_id not in reading.ids]
    known = await attempt.links.find(reading.kind, gone)
    links = [link for link in known.values() if link.active]
    held = await _held(attempt, reading.kind, links)
    return [planner.for_absence(link, held.get(link.halo_id), reading.gone[link.source_id]) for link in links]


async def _of_absent(attempt: Attempt, reading: Reading) -> list[Decision]:
    """Linked records that a complete read did not show; each is looked at in Halo before it is retired."""
    settled = reading.ids | reading.gone.keys()
    absent = [link async for link in attempt.links.unseen(reading.kind) if link.source_id not in settled]
    held = await _held(attempt, reading.kind, absent)
    return [planner.for_absence(link, held.get(link.halo_id)) for link in absent]


async def _held(attempt: Attempt, kind: EntityKind, links: Iterable[Link]) -> dict[int | None, TargetRecord]:
    """What Halo holds now for these links, by id; what is not there was deleted by hand."""
    ids = [link.halo_id for link in links if link.halo_id is not None]
    held: dict[int | None, TargetRecord] = {}
    if not ids:
        return held
    async for record in attempt.target.fetch(kind, ids):
        held[record.id] = record
        await attempt.reporter.progress(Stage.MATCH, len(held), len(ids), attempt.ledger.counts)
    return held


async def _whole(attempt: Attempt, desired: Desired, matched: Matched) -> Matched:
    """The same match with every field that is wished for: lists may leave fields out."""
    record = matched.existing
    if {desired.identity[0], *desired.always, *desired.when_empty} <= record.fields.keys():
        return matched
    async for whole in attempt.target.fetch(record.kind, [record.id]):
        return Matched(whole, matched.reason)
    return matched
