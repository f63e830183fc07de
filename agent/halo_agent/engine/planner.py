"""What to do about each record, with the reason: pure."""

from dataclasses import replace
from typing import Final

from halo_agent.engine.changes import Adopt, Create, Decision, Retire, Skip, Update
from halo_agent.engine.matcher import Ambiguous, Match, Matched
from halo_agent.engine.records import NO_WISH, Desired, Fields, Gone, Link, TargetRecord, Value
from halo_agent.engine.values import as_text, is_empty
from halo_shared.entities import EntityKind
from halo_shared.errors import AmbiguousMatch, StillNeeded, Unplaced
from halo_shared.mapping import EntityMapping

NOTHING_DIFFERS: Final = "nothing differs"
USERS: Final = "users"
"""The field that holds who uses an asset."""


def unchanged(desired: Desired, link: Link | None) -> bool:
    """Whether this wish was fulfilled before, so that Halo need not even be asked."""
    return link is not None and link.hash == desired.hash


def for_match(
    desired: Desired, found: Match, mapping: EntityMapping, unplaced: Unplaced | None = None
) -> Decision:
    """What to do about a record that no link is known of."""
    if isinstance(found, Matched):
        existing = found.existing
        revive = not existing.active
        return _keep_in_step(desired, existing, found.reason, mapping, revive=revive, matched=found.reason)
    if isinstance(found, Ambiguous):
        ids = " or ".join(f"{record.id} ({record.name})" for record in found.candidates[:5])
        why = (
            f"{found.reason}: {ids}. Correct them in Halo or at the source; it is not guessed which is meant."
        )
        return Skip(desired.kind, desired.source_id, desired.name, AmbiguousMatch(why), kept=desired)
    if not desired.active:
        return Adopt(_link(desired, None), reason="out of use at its source and not in Halo")
    if mapping.updateonly:
        return Adopt(_link(desired, None), reason="not in Halo, and the mapping says updateonly")
    if unplaced is not None:
        return Skip(desired.kind, desired.source_id, desired.name, unplaced, kept=desired)
    return Create(desired, reason="not in Halo yet")


def for_link(desired: Desired, link: Link, existing: TargetRecord, mapping: EntityMapping) -> Decision:
    """What to do about a linked record whose wish has changed, or of which it is not known what was last written."""
    if link.hash == NO_WISH and link.active:
        return _keep_in_step(desired, existing, "compared with Halo", mapping, revive=True)
    if unchanged(desired, link):
        return _keep_in_step(desired, existing, "changed in Halo by hand", mapping, revive=True)
    return _keep_in_step(desired, existing, "changed at its source", mapping, revive=not link.active)


def for_absence(
    link: Link,
    existing: TargetRecord | None,
    mapping: EntityMapping,
    reason: str = "no longer at its source",
) -> Decision:
    """What to do about a linked record that is proved to be away, by a complete read or by the source's word."""
    if existing is None:
        gone = replace(link, halo_id=None, hash=NO_WISH, active=False)
        return Adopt(gone, reason=f"{reason} and not in Halo")
    return _let_go(replace(link, halo_id=existing.id, hash=NO_WISH, active=False), existing, mapping, reason)


def for_reference(link: Link, existing: TargetRecord, fields: Fields) -> Update | None:
    """What to write so that a record refers to another one that is in Halo by now; None when it does."""
    missing = {name: value for name, value in fields.items() if not same(existing.fields.get(name), value)}
    return Update(link, existing, missing, reason="what it refers to is in Halo now") if missing else None


def differences(desired: Desired, existing: TargetRecord, mapping: EntityMapping) -> Fields:
    """The fields to send so that Halo holds what is wished, and no others."""
    identity_field, identity = desired.identity
    fill = {field: v for field, v in desired.when_empty.items() if is_empty(existing.fields.get(field))}
    wished = {identity_field: identity, **desired.always, **fill}
    if mapping.dontremoveusers and USERS in wished:
        wished[USERS] = together(existing.fields.get(USERS), wished[USERS])
    return {field: value for field, value in wished.items() if not same(existing.fields.get(field), value)}


def together(held: Value, wished: Value) -> Value:
    """All users that one or the other names."""
    named = {one for value in (held, wished) if isinstance(value, tuple) for one in value}
    return tuple(sorted(named))


def same(held: Value, wished: Value) -> bool:
    """Whether Halo holds this value already; Halo may give a number as text, and nothing as blank."""
    if is_empty(held) and is_empty(wished):
        return True
    if isinstance(held, bool) or isinstance(wished, bool):
        return held == wished or as_text(held).casefold() == as_text(wished).casefold()
    return as_text(held) == as_text(wished)


def _keep_in_step(
    desired: Desired,
    existing: TargetRecord,
    reason: str,
    mapping: EntityMapping,
    *,
    revive: bool,
    matched: str = "",
) -> Decision:
    if not desired.active:
        return _let_go(_link(desired, existing.id), existing, mapping, "out of use at its source")
    fields = differences(desired, existing, mapping)
    reactivate = revive and not existing.active
    if fields or reactivate:
        return Update(desired, existing, fields, reason=reason, reactivate=reactivate, matched=matched)
    link = _link(desired, existing.id)
    return Adopt(link, f"{reason}; {NOTHING_DIFFERS}", matched=matched, unmet=desired.references)


def _let_go(link: Link, existing: TargetRecord, mapping: EntityMapping, reason: str) -> Decision:
    """Retire a record, unless it is out of use already, is protected, or is needed still; `link` is what holds then."""
    status = mapping.retire.status_id
    if not existing.active or (status is not None and same(existing.fields.get("status_id"), status)):
        return Adopt(link, reason=f"{reason} and inactive in Halo")
    if protected := _protection(existing):
        return Adopt(link, reason=f"{reason}, but {protected}: left as it is", notable=True)
    if mapping.retire.never:
        return Adopt(link, reason=f"{reason}, and the mapping leaves it in use")
    tickets = existing.fields.get("open_ticket_count")
    if mapping.retire.not_with_open_tickets and isinstance(tickets, int) and tickets > 0:
        why = f"It is {reason}, and has {tickets} open tickets: close them, and a later run retires it."
        gone = Gone(link.kind, link.source_id, reason)
        return Skip(link.kind, link.source_id, link.name, StillNeeded(why), kept=gone)
    fields: Fields = {} if status is None else {"status_id": status}
    return Retire(
        link.kind, link.source_id, existing.id, link.name, reason=reason, hash=link.hash, fields=fields
    )


def _protection(existing: TargetRecord) -> str:
    """Why nobody but a person may deactivate this record; empty when anybody may."""
    agent = existing.fields.get("linked_agent_id")
    if existing.kind is EntityKind.USERS and isinstance(agent, int) and agent > 0:
        return f"it is the user of agent {agent} of Halo"
    if existing.kind is EntityKind.TECHNICIANS and existing.fields.get("is_admin"):
        return "it is an administrator of Halo"
    return ""


def _link(desired: Desired, halo_id: int | None) -> Link:
    return Link(
        desired.kind, desired.source_id, halo_id, hash=desired.hash, active=desired.active, name=desired.name
    )
