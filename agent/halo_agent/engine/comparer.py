"""Comparing what was read with what Halo holds, until every record has its decision."""

from collections.abc import AsyncIterator
from itertools import islice
from typing import Final

from halo_agent.engine import planner
from halo_agent.engine.attempt import Attempt
from halo_agent.engine.changes import Decision
from halo_agent.engine.matcher import Candidates, Matched, match
from halo_agent.engine.reader import Proof, Reading
from halo_agent.engine.records import Desired
from halo_shared.messages.events import Stage

FETCH: Final = 100
"""Records of Halo that are asked for together."""


async def compare(attempt: Attempt, reading: Reading, proof: Proof) -> list[Decision]:
    """A decision, with its reason, for each record that is not known to be unchanged."""
    decisions = [decision async for decision in _of_changed(attempt, reading)]
    decisions += [decision async for decision in _of_unknown(attempt, reading)]
    if proof.absence:
        decisions += [planner.for_absence(link) async for link in attempt.links.unseen(reading.kind)]
    return decisions


async def _of_changed(attempt: Attempt, reading: Reading) -> AsyncIterator[Decision]:
    """Linked records: one read each, and a new match for those whose record in Halo is gone."""
    pairs = iter(reading.changed)
    compared = 0
    while some := list(islice(pairs, FETCH)):
        ids = [link.halo_id for _, link in some if link.halo_id is not None]
        held = {record.id: record async for record in attempt.target.fetch(reading.kind, ids)}
        for desired, link in some:
            existing = held.get(link.halo_id) if link.halo_id is not None else None
            if existing is None:
                reading.unknown.append(desired)
            else:
                yield planner.for_link(desired, link, existing)
        compared += len(some)
        await attempt.reporter.progress(Stage.MATCH, compared, len(reading.changed), attempt.ledger.counts)


async def _of_unknown(attempt: Attempt, reading: Reading) -> AsyncIterator[Decision]:
    """Records without a link: matched against all that could be the same, each of Halo's at most once."""
    if not reading.unknown:
        return
    mapping = attempt.assignment.integration.mapping[reading.kind]
    found = [r async for r in attempt.target.candidates(reading.unknown, mapping.match)]
    candidates = Candidates(found, [mapping.identity, *mapping.match])
    taken = await attempt.links.taken(reading.kind, [record.id for record in found])
    for done, desired in enumerate(reading.unknown, start=1):
        matched = match(desired, candidates, mapping.match, taken)
        if isinstance(matched, Matched):
            taken[matched.existing.id] = desired.source_id
            matched = await _whole(attempt, desired, matched)
        yield planner.for_match(desired, matched)
        await attempt.reporter.progress(Stage.MATCH, done, len(reading.unknown), attempt.ledger.counts)


async def _whole(attempt: Attempt, desired: Desired, matched: Matched) -> Matched:
    """The same match with every field that is wished for: lists may leave fields out."""
    record = matched.existing
    if {desired.identity[0], *desired.always, *desired.when_empty} <= record.fields.keys():
        return matched
    async for whole in attempt.target.fetch(record.kind, [record.id]):
        return Matched(whole, matched.reason)
    return matched
