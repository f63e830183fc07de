"""Other records that a record belongs to: from the source's words to Halo's ids, as soon as both are in Halo."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from halo_agent.engine.attempt import Attempt
from halo_agent.engine.changes import Adopt, Change, Create, Update
from halo_agent.engine.mapper import comparable_id
from halo_agent.engine.planner import USERS, for_reference, together
from halo_agent.engine.records import Desired, Expected, Fields, Reference, Role, Value
from halo_agent.engine.values import as_text
from halo_shared.entities import EntityKind
from halo_shared.errors import RecordError, Unplaced
from halo_shared.mapping import EntityMapping

PLACE: Final = frozenset({Role.CLIENT, Role.SITE})
"""Without these a new record has no place."""
PLACED: Final = frozenset({EntityKind.USERS, EntityKind.ASSETS})
"""Kinds whose records belong to a site."""
EMAIL: Final = "emailaddress"


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a wish says of other records, by Halo's names, and what cannot be said yet."""

    fields: Fields
    unmet: Sequence[Reference]


async def resolve(attempt: Attempt, wishes: Sequence[Desired]) -> list[Resolved]:
    """For each wish, in their order."""
    if not any(wish.references for wish in wishes):
        return [Resolved({}, ())] * len(wishes)
    wanted = {reference for wish in wishes for reference in wish.references}
    known = await _halo_ids(attempt, wanted)
    users = await _users(attempt, wishes, known)
    return [_resolved(wish, known, users, attempt.mapping(wish.kind)) for wish in wishes]


async def await_unmet(attempt: Attempt, decisions: Sequence[Change | Adopt]) -> None:
    """Remember what these refer to and Halo has not, so that it is written when Halo has it, in whatever run."""
    unmet: dict[str, Sequence[Reference]] = {}
    kind = None
    for one in decisions:
        if isinstance(one, Adopt):
            kind = one.link.kind
            unmet[one.link.source_id] = one.unmet
        elif isinstance(one, Create | Update) and isinstance(one.desired, Desired):
            kind = one.kind
            unmet[one.source_id] = one.desired.references
    if kind is not None:
        await attempt.links.expect(kind, unmet)


async def complete(attempt: Attempt, changes: Sequence[Change]) -> list[tuple[Change, RecordError | None]]:
    """The changes with what this very run has put into Halo before them; a new record without a place is refused."""
    fresh = [change for change in changes if isinstance(change, Create) and change.desired.references]
    resolved = await resolve(attempt, [change.desired for change in fresh])
    found = {change.source_id: one for change, one in zip(fresh, resolved, strict=True)}
    await attempt.links.expect(changes[0].kind, {source_id: one.unmet for source_id, one in found.items()})
    return [_completed(change, found.get(change.source_id)) for change in changes]


async def connections(
    attempt: Attempt, kind: EntityKind, expected: Sequence[Expected]
) -> list[tuple[Change, RecordError | None]]:
    """What to write so that records refer to others that are in Halo by now."""
    held = {
        record.id: record
        async for record in attempt.target.fetch(
            kind, {one.link.halo_id for one in expected if one.link.halo_id is not None}
        )
    }
    known = {one.reference: one.halo_id for one in expected}
    emails = await _emails(attempt, known)
    links = {one.link.halo_id: one.link for one in expected if one.link.halo_id in held}
    wished: dict[int, dict[str, Value]] = {id_: {} for id_ in held}
    for one in expected:
        value = _value(one.reference, known, emails)
        if value is None or one.link.halo_id not in held:
            continue
        fields, name = wished[one.link.halo_id], FIELD[one.reference.role]
        if one.reference.role is Role.USER:
            value = together(fields.get(name, held[one.link.halo_id].fields.get(name)), value)
        fields[name] = value
    updates = [for_reference(link, held[id_], wished[id_]) for id_, link in links.items()]
    return [(update, None) for update in updates if update is not None]


FIELD: Final = {
    Role.CLIENT: "client_id",
    Role.SITE: "site_id",
    Role.MANAGER: "manager_email",
    Role.PARENT: "parent_id",
    Role.USER: USERS,
}


@dataclass(frozen=True, slots=True)
class _User:
    """What is known in Halo of a user that records refer to."""

    email: str
    place: Fields


def _completed(change: Change, found: Resolved | None) -> tuple[Change, RecordError | None]:
    if found is None or not isinstance(change, Create):
        return change, None
    fields = {**change.desired.always, **found.fields}
    if found.unmet and _is_nowhere(change.kind, {**fields, **change.desired.on_create}):
        one = min(found.unmet, key=lambda reference: reference.role not in PLACE)
        return change, Unplaced(
            f"It belongs to {one.role} '{one.value}' of the source, which is not in Halo: "
            f"see what became of that one, and that '{one.kind}' is among the entities."
        )
    return replace(change, desired=replace(change.desired, always=fields)), None


def _is_nowhere(kind: EntityKind, fields: Fields) -> bool:
    """Whether a new record lacks what says where it belongs."""
    wanted = FIELD[Role.SITE] if kind in PLACED else FIELD[Role.CLIENT] if kind is EntityKind.SITES else None
    return wanted is not None and wanted not in fields


def _resolved(
    wish: Desired,
    known: Mapping[Reference, int],
    users: Mapping[int, _User],
    mapping: EntityMapping,
) -> Resolved:
    fields: dict[str, Value] = {}
    unmet = []
    for reference in _telling(wish):
        value = _value(reference, known, users)
        if value is None:
            unmet.append(reference)
        elif reference.role is Role.USER:
            fields[USERS] = together(fields.get(USERS), value)
            if mapping.useusers_site:
                fields = {**users[known[reference]].place, **fields} if known[reference] in users else fields
        else:
            fields[FIELD[reference.role]] = value
    return Resolved(fields, unmet)


def _telling(wish: Desired) -> Sequence[Reference]:
    """Without a site, the client of a record that belongs to a site says nothing: rules and the default place it."""
    if wish.kind in PLACED and not any(one.role is Role.SITE for one in wish.references):
        return [one for one in wish.references if one.role is not Role.CLIENT]
    return wish.references


def _value(reference: Reference, known: Mapping[Reference, int], users: Mapping[int, _User]) -> Value:
    halo_id = known.get(reference)
    if halo_id is None:
        return None
    if reference.role is Role.MANAGER:
        return users[halo_id].email or None if halo_id in users else None
    return (str(halo_id),) if reference.role is Role.USER else halo_id


async def _halo_ids(attempt: Attempt, wanted: Iterable[Reference]) -> dict[Reference, int]:
    by_id: dict[EntityKind, list[Reference]] = defaultdict(list)
    by_value: dict[tuple[EntityKind, str], list[Reference]] = defaultdict(list)
    for reference in wanted:
        if reference.attribute is None:
            by_id[reference.kind].append(reference)
        else:
            by_value[reference.kind, reference.attribute].append(reference)
    found: dict[Reference, int] = {}
    for kind, some in by_id.items():
        links = await attempt.links.find(kind, {comparable_id(one.value) for one in some})
        for one in some:
            link = links.get(comparable_id(one.value))
            known = link.halo_id if link else None
            if known is None:
                known = attempt.recognised.get((kind, comparable_id(one.value)))
            if known is not None:
                found[one] = known
    for (kind, attribute), some in by_value.items():
        found |= await _by_value(attempt, kind, attribute, some)
    return found


async def _by_value(
    attempt: Attempt, kind: EntityKind, attribute: str, wanted: Sequence[Reference]
) -> dict[Reference, int]:
    """Records of Halo that hold the value, where there is exactly one; links need not know of them."""
    field = _field_of(attempt, kind, attribute)
    asked = [
        Desired(kind, comparable_id(one.value), one.value, True, {}, {}, {}, identity=(field, one.value))
        for one in wanted
    ]
    holders: dict[str, list[int]] = defaultdict(list)
    async for record in attempt.target.candidates(asked, ()):
        if record.active:
            holders[as_text(record.fields.get(field)).casefold()].append(record.id)
    return {one: ids[0] for one in wanted if len(ids := holders.get(one.value.strip().casefold(), [])) == 1}


def _field_of(attempt: Attempt, kind: EntityKind, attribute: str) -> str:
    """The Halo field that an attribute is written to; where nothing says so, the attribute's own name."""
    mapping = attempt.assignment.integration.mapping.get(kind)
    rules = mapping.fields if mapping else {}
    wanted = attribute.casefold()
    return next(
        (field for field, rule in rules.items() if rule.source and rule.source.casefold() == wanted),
        attribute,
    )


async def _users(
    attempt: Attempt, wishes: Sequence[Desired], known: Mapping[Reference, int]
) -> dict[int, _User]:
    """What Halo knows of the users on whom something of these wishes depends."""
    needed = {
        reference
        for wish in wishes
        for reference in wish.references
        if reference.role is Role.MANAGER
        or (reference.role is Role.USER and attempt.mapping(wish.kind).useusers_site)
    }
    return await _read_users(attempt, {known[one] for one in needed if one in known})


async def _emails(attempt: Attempt, known: Mapping[Reference, int]) -> dict[int, _User]:
    return await _read_users(attempt, {id_ for one, id_ in known.items() if one.role is Role.MANAGER})


async def _read_users(attempt: Attempt, ids: set[int]) -> dict[int, _User]:
    if not ids:
        return {}
    return {
        record.id: _User(
            as_text(record.fields.get(EMAIL)),
            {name: record.fields[name] for name in ("client_id", "site_id") if record.fields.get(name)},
        )
        async for record in attempt.target.fetch(EntityKind.USERS, ids)
    }
