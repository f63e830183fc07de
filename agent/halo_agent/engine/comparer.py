"""Comparing what was read with what Halo holds, until every record has its decision."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from halo_agent.engine import planner
from halo_agent.engine.attempt import Attempt
from halo_agent.engine.batches import batched
from halo_agent.engine.changes import Adopt, Decision, Update
from halo_agent.engine.contests import Contest, Held, Sought, Verdict
from halo_agent.engine.mapper import SOFTWARE
from halo_agent.engine.matcher import Cascade, Match, Matched, Missing
from halo_agent.engine.preparing import prepare
from halo_agent.engine.records import Desired, Link, TargetRecord
from halo_shared.entities import EntityKind
from halo_shared.mapping import EXTERNAL_LINK, OWN_FIELD
from halo_shared.messages.events import Stage
from halo_shared.runs import Mode

PLACES: Final = frozenset({EntityKind.CLIENTS, EntityKind.SITES})
"""What others belong to."""
APART: Final = frozenset({SOFTWARE})
"""What a target keeps apart from its records, and reads only if it is asked to."""
ASKED_FOR: Final = 2_000
"""More wishes than this are compared with everything that Halo has, rather than asked for."""
LISTED_FROM: Final = 500
"""Fewer linked records than this are read one by one."""
LIST_SAVES: Final = 50
"""Records that one request for a list shows at least, where it shows what is needed."""


async def compare(attempt: Attempt, kind: EntityKind, *, absence: bool) -> int:
    """Decide on each record that is not known to be unchanged; tells how many of Halo's were recognised."""
    await attempt.reporter.progress(Stage.MATCH, 0, None, attempt.ledger.counts)
    await _of_linked(attempt, kind)
    recognised = await _of_unlinked(attempt, kind)
    await _of_lost(attempt, kind)
    if absence:
        await _of_absent(attempt, kind)
    return recognised


async def _of_linked(attempt: Attempt, kind: EntityKind) -> None:
    """Linked records as Halo has them now; what it has no longer is looked for like any other."""
    mapping = attempt.mapping(kind)
    done = by_hand = 0
    total = await attempt.workspace.linked_count(kind)
    shown = await _list_when_that_is_less(attempt, kind, total)
    async for batch in attempt.workspace.linked(kind):
        wishes = [
            sought.desired for sought in await prepare(attempt, kind, [one for one, _ in batch], known=True)
        ]
        held = await _now(attempt, kind, zip(wishes, (link for _, link in batch), strict=True), shown)
        decisions: list[Decision] = []
        for desired, (original, link) in zip(wishes, batch, strict=True):
            if existing := held.get(link.halo_id):
                decisions.append(planner.for_link(desired, link, existing, mapping))
                by_hand += planner.unchanged(desired, link) and not isinstance(decisions[-1], Adopt)
            else:
                await attempt.workspace.wait(kind, [(original, None)])
        await _decide(attempt, kind, decisions)
        done += len(batch)
        await attempt.reporter.progress(Stage.MATCH, done, total, attempt.ledger.counts)
    await attempt.workspace.forget_search()
    if attempt.assignment.mode is Mode.RECONCILE:
        await attempt.reporter.log(
            f"{done} linked {kind} were compared with Halo; {by_hand} had been changed there by hand."
        )


async def _list_when_that_is_less(attempt: Attempt, kind: EntityKind, wanted: int) -> set[str]:
    """Hold everything that Halo lists where that takes fewer requests than reading records one by one.

    Returns the fields that the list shows: of those it leaves out only what is empty. No other is asked for, since
    that could have every record of Halo read.
    """
    if wanted < LISTED_FROM or wanted * LIST_SAVES < await attempt.links.active_count(kind):
        return set()
    mapping = attempt.mapping(kind)
    named = {*mapping.fields, mapping.identity or ""}
    shown: set[str] = set()
    fields = {name for name in named if name.startswith(OWN_FIELD) or name == EXTERNAL_LINK}
    async for records in batched(attempt.target.everything(kind, fields)):
        shown.update(name for record in records for name in record.fields)
        await attempt.workspace.hold([Held(record, (), None) for record in records])
    return shown


async def _now(
    attempt: Attempt, kind: EntityKind, linked: Iterable[tuple[Desired, Link]], shown: set[str]
) -> dict[int | None, TargetRecord]:
    """What Halo holds now for these wishes, by id: as it was listed where that shows all, else one by one.

    Whoever is to be retired is looked at, since no list tells what protects them.
    """
    wishes = {link.halo_id: desired for desired, link in linked if link.halo_id is not None}
    listed = await attempt.workspace.held(wishes)
    held: dict[int | None, TargetRecord] = {
        id_: record for id_, record in listed.items() if wishes[id_].active and _fields(wishes[id_]) <= shown
    }
    rest = wishes.keys() - held.keys()
    if rest:
        beside = _beside(wishes.values())
        held |= {record.id: record async for record in attempt.target.fetch(kind, rest, beside)}
    return held


async def _of_unlinked(attempt: Attempt, kind: EntityKind) -> int:
    """Records without a link, or whose record in Halo is gone: matched against all that could be the same."""
    total = await attempt.workspace.unlinked_count(kind)
    if not total:
        return 0
    cascade = Cascade(attempt.mapping(kind))
    await _hold(attempt, kind, cascade, await _seek(attempt, kind, cascade, total))
    done = recognised = 0
    for level in range(len(cascade.fields)):
        async for contests in attempt.workspace.contests(level):
            recognised += await _judge(attempt, kind, cascade, level, contests)
            done += len(contests)
            await attempt.reporter.progress(Stage.MATCH, done, total, attempt.ledger.counts)
    async for rest in attempt.workspace.missing():
        await _decide(attempt, kind, [_match(attempt, sought, Missing()) for sought in rest])
        done += len(rest)
        await attempt.reporter.progress(Stage.MATCH, done, total, attempt.ledger.counts)
    await attempt.workspace.forget_search()
    return recognised


async def _seek(attempt: Attempt, kind: EntityKind, cascade: Cascade, total: int) -> Sequence[Desired]:
    """Let every wish look for its record; returns them all where they are few."""
    few: list[Desired] = []
    async for wishes in attempt.workspace.unlinked(kind):
        prepared = await prepare(attempt, kind, wishes, known=False)
        await attempt.workspace.seek(
            [Sought(one.desired, cascade.keys_of_wish(one.desired), one.unplaced) for one in prepared]
        )
        if total <= ASKED_FOR:
            few += [cascade.askable(one.desired) for one in prepared]
    return few


async def _hold(attempt: Attempt, kind: EntityKind, cascade: Cascade, few: Sequence[Desired]) -> None:
    names = [one.field for one in cascade.fields]
    if few:
        found = attempt.target.candidates(few, names[1:])
    else:
        found = attempt.target.everything(kind, {*names, *cascade.beside})
    async for records in batched(found):
        owners = await attempt.links.taken(kind, [record.id for record in records])
        await attempt.workspace.hold(
            [Held(record, cascade.keys_of_record(record), owners.get(record.id)) for record in records]
        )


async def _judge(
    attempt: Attempt, kind: EntityKind, cascade: Cascade, level: int, contests: Sequence[Contest]
) -> int:
    """Decide what these wishes find; tells how many have found their record."""
    found: list[tuple[Contest, Match]] = [(contest, cascade.judge(contest, level)) for contest in contests]
    found = await _whole(attempt, kind, found)
    await attempt.workspace.judge(
        [
            Verdict(contest.desired.source_id, match.existing.id if isinstance(match, Matched) else None)
            for contest, match in found
        ]
    )
    await _decide(
        attempt, kind, [_match(attempt, Sought(contest.desired, ()), match) for contest, match in found]
    )
    return sum(isinstance(match, Matched) for _, match in found)


def _match(attempt: Attempt, sought: Sought, match: Match) -> Decision:
    return planner.for_match(sought.desired, match, attempt.mapping(sought.desired.kind), sought.unplaced)


async def _whole(
    attempt: Attempt, kind: EntityKind, found: Sequence[tuple[Contest, Match]]
) -> list[tuple[Contest, Match]]:
    """The same matches with every field that is wished for: lists may leave fields out."""
    lacking = {
        match.existing.id
        for contest, match in found
        if isinstance(match, Matched) and not _fields(contest.desired) <= match.existing.fields.keys()
    }
    beside = _beside(contest.desired for contest, _ in found)
    whole = (
        {record.id: record async for record in attempt.target.fetch(kind, lacking, beside)} if lacking else {}
    )
    return [
        (contest, Matched(whole.get(match.existing.id, match.existing), match.reason))
        if isinstance(match, Matched)
        else (contest, match)
        for contest, match in found
    ]


def _fields(desired: Desired) -> set[str]:
    return {desired.identity[0], *desired.always, *desired.when_empty}


async def _of_lost(attempt: Attempt, kind: EntityKind) -> None:
    """Linked records that the source says are away; what was read besides is there after all."""
    async for reasons in attempt.workspace.lost(kind):
        known = await attempt.links.find(kind, reasons)
        await _retire(attempt, kind, [link for link in known.values() if link.active], reasons)


async def _of_absent(attempt: Attempt, kind: EntityKind) -> None:
    """Linked records that a complete read did not show; each is looked at in Halo before it is retired."""
    async for links in attempt.links.active(kind):
        unseen = await attempt.workspace.unseen(kind, [link.source_id for link in links])
        await _retire(attempt, kind, [link for link in links if link.source_id in unseen], {})


async def _retire(
    attempt: Attempt, kind: EntityKind, links: Collection[Link], reasons: Mapping[str, str]
) -> None:
    held = await _held(attempt, kind, links)
    mapping = attempt.mapping(kind)
    usual = "no longer at its source"
    decisions = [
        planner.for_absence(link, held.get(link.halo_id), mapping, reasons.get(link.source_id, usual))
        for link in links
    ]
    await _keep(attempt, decisions)


async def _decide(attempt: Attempt, kind: EntityKind, decisions: Sequence[Decision]) -> None:
    await _keep(attempt, decisions)
    attempt.ledger.add(kind, unchanged=sum(isinstance(one, Adopt) for one in decisions))


async def _keep(attempt: Attempt, decisions: Sequence[Decision]) -> None:
    await attempt.workspace.decide(decisions)
    for one in decisions:
        _remember_place(attempt, one)
        if isinstance(one, Adopt) and one.notable:
            await attempt.reporter.log(f"{one.link.kind}: {one.link.name}: {one.reason}.")


def _remember_place(attempt: Attempt, decision: Decision) -> None:
    """What belongs to a place is looked for there, though the place itself is linked only when it is written."""
    match decision:
        case Update(desired=desired, existing=existing) if desired.kind in PLACES:
            attempt.recognised[desired.kind, desired.source_id] = existing.id
        case Adopt(link=link) if link.kind in PLACES and link.halo_id is not None:
            attempt.recognised[link.kind, link.source_id] = link.halo_id


async def _held(attempt: Attempt, kind: EntityKind, links: Iterable[Link]) -> dict[int | None, TargetRecord]:
    """What Halo holds now for these links, by id; what is not there was deleted by hand."""
    ids = [link.halo_id for link in links if link.halo_id is not None]
    held: dict[int | None, TargetRecord] = {}
    if not ids:
        return held
    async for record in attempt.target.fetch(kind, ids):
        held[record.id] = record
    return held


def _beside(wishes: Iterable[Desired]) -> frozenset[str]:
    """What is wished for that Halo keeps apart from its records."""
    return frozenset(name for wish in wishes for name in APART if name in wish.always)
