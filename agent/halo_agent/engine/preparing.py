"""Making wishes ready to be compared: places, types and references by Halo's ids."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from halo_agent.engine.attempt import Attempt
from halo_agent.engine.contests import Sought
from halo_agent.engine.records import Desired, Role, Value
from halo_agent.engine.references import FIELD, PLACE, PLACED, Resolved, resolve
from halo_shared.entities import EntityKind
from halo_shared.errors import Unplaced
from halo_shared.mapping import EntityMapping

TYPE: Final = "assettype_id"


async def prepare(
    attempt: Attempt, kind: EntityKind, wishes: Sequence[Desired], *, known: bool
) -> list[Sought]:
    """The wishes with what they say of Halo's other records; `known` when Halo is known to have theirs.

    What Halo does not have yet stays among the references. The keys by which a record is found come later.
    """
    resolved = await resolve(attempt, wishes)
    return [
        await _prepared(attempt, attempt.mapping(kind), desired, found, known=known)
        for desired, found in zip(wishes, resolved, strict=True)
    ]


async def _prepared(
    attempt: Attempt, mapping: EntityMapping, desired: Desired, found: Resolved, *, known: bool
) -> Sought:
    where = {name: value for name, value in found.fields.items() if name in _PLACE_FIELDS}
    always = {name: value for name, value in found.fields.items() if name not in _PLACE_FIELDS}
    unplaced: Unplaced | None = None
    moves = bool(where)
    placed = "the record that it refers to at its source" if where else ""
    # A place that this integration keeps in step too may be put into Halo by this very run, before this record.
    kept = attempt.assignment.integration.entities
    awaited = any(one.role in PLACE and one.kind in kept for one in found.unmet)
    if desired.kind in PLACED and FIELD[Role.SITE] not in where and not awaited:
        settled = await _settled(attempt, mapping, desired, known=known)
        if not isinstance(settled, Unplaced):
            where, moves, placed = settled
        elif not (mapping.useusers_site and any(one.role is Role.USER for one in found.unmet)):
            unplaced = settled
    elif desired.kind is EntityKind.SITES and not where and not awaited:
        unplaced = Unplaced(f"The source does not say to which client the site {desired.name} belongs.")
    if mapping.dontupdatesite or not moves:
        on_create = {**desired.on_create, **where}
    else:
        on_create, always = dict(desired.on_create), {**always, **where}
    if known and (type_id := await _type_id(attempt, mapping, desired)):
        always[TYPE] = type_id
    ready = replace(
        desired,
        always={**desired.always, **always},
        on_create=on_create,
        references=tuple(found.unmet),
        placed=placed,
    )
    return Sought(ready, (), unplaced)


_PLACE_FIELDS: Final = frozenset(FIELD[role] for role in PLACE)


async def _settled(
    attempt: Attempt, mapping: EntityMapping, desired: Desired, *, known: bool
) -> tuple[dict[str, Value], bool, str] | Unplaced:
    """The ids of its place, none where they do not matter, whether they move a record, and what says so.

    The default moves nobody: it says nothing of this record.
    """
    if known and (mapping.dontupdatesite or not desired.placings or desired.placings[0].by == "default"):
        return {}, False, ""
    settled = await attempt.places.settle(desired)
    if isinstance(settled, Unplaced):
        return settled
    placing, ids = settled
    return {"client_id": ids.client_id, "site_id": ids.site_id}, placing.by != "default", placing.reason


async def _type_id(attempt: Attempt, mapping: EntityMapping, desired: Desired) -> int | None:
    """The type that an asset in Halo should have; the default changes nobody's."""
    types = mapping.asset_type
    if types is None or mapping.dontupdatetype or desired.asset_type in (None, types.default):
        return None
    return await attempt.target.type_id(str(desired.asset_type))
