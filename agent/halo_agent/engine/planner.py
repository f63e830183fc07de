"""What to do about each record, with the reason: pure."""

from dataclasses import replace

from halo_agent.engine.changes import Adopt, Create, Decision, Retire, Skip, Update
from halo_agent.engine.mapper import as_text, is_empty
from halo_agent.engine.matcher import Ambiguous, Match, Matched
from halo_agent.engine.records import NO_WISH, Desired, Fields, Link, TargetRecord, Value
from halo_shared.errors import AmbiguousMatch


def unchanged(desired: Desired, link: Link | None) -> bool:
    """Whether this wish was fulfilled before, so that Halo need not even be asked."""
    return link is not None and link.hash == desired.hash


def for_match(desired: Desired, found: Match) -> Decision:
    """What to do about a record that no link is known of."""
    if isinstance(found, Matched):
        existing = found.existing
        return _keep_in_step(desired, existing, found.reason, revive=not existing.active)
    if isinstance(found, Ambiguous):
        ids = " or ".join(f"{record.id} ({record.name})" for record in found.candidates[:5])
        why = (
            f"{found.reason}: {ids}. Correct them in Halo or at the source; it is not guessed which is meant."
        )
        return Skip(desired.kind, desired.source_id, desired.name, AmbiguousMatch(why))
    if desired.active:
        return Create(desired, reason="not in Halo yet")
    return Adopt(_link(desired, None), reason="out of use at its source and not in Halo")


def for_link(desired: Desired, link: Link, existing: TargetRecord) -> Decision:
    """What to do about a linked record whose wish has changed, or of which it is not known what was last written."""
    if link.hash == NO_WISH and link.active:
        return _keep_in_step(desired, existing, "compared with Halo", revive=True)
    if unchanged(desired, link):
        return _keep_in_step(desired, existing, "changed in Halo by hand", revive=True)
    return _keep_in_step(desired, existing, "changed at its source", revive=not link.active)


def for_absence(
    link: Link, existing: TargetRecord | None, reason: str = "no longer at its source"
) -> Decision:
    """What to do about a linked record that is proved to be away, by a complete read or by the source's word."""
    if existing is None:
        gone = replace(link, halo_id=None, hash=NO_WISH, active=False)
        return Adopt(gone, reason=f"{reason} and not in Halo")
    if not existing.active:
        retired = replace(link, hash=NO_WISH, active=False)
        return Adopt(retired, reason=f"{reason} and inactive in Halo")
    return Retire(link.kind, link.source_id, existing.id, link.name, reason=reason, hash=NO_WISH)


def differences(desired: Desired, existing: TargetRecord) -> Fields:
    """The fields to send so that Halo holds what is wished, and no others."""
    identity_field, identity = desired.identity
    fill = {field: v for field, v in desired.when_empty.items() if is_empty(existing.fields.get(field))}
    wished = {identity_field: identity, **desired.always, **fill}
    return {field: value for field, value in wished.items() if not same(existing.fields.get(field), value)}


def same(held: Value, wished: Value) -> bool:
    """Whether Halo holds this value already; Halo may give a number as text, and nothing as blank."""
    if is_empty(held) and is_empty(wished):
        return True
    if isinstance(held, bool) or isinstance(wished, bool):
        return held == wished or as_text(held).casefold() == as_text(wished).casefold()
    return as_text(held) == as_text(wished)


def _keep_in_step(desired: Desired, existing: TargetRecord, reason: str, *, revive: bool) -> Decision:
    if not desired.active:
        if existing.active:
            return Retire(
                desired.kind,
                desired.source_id,
                existing.id,
                desired.name,
                reason="out of use at its source",
                hash=desired.hash,
            )
        return Adopt(_link(desired, existing.id), reason="out of use at its source and inactive in Halo")
    fields = differences(desired, existing)
    reactivate = revive and not existing.active
    if fields or reactivate:
        return Update(desired, existing, fields, reason=reason, reactivate=reactivate)
    return Adopt(_link(desired, existing.id), reason=f"{reason}; nothing differs")


def _link(desired: Desired, halo_id: int | None) -> Link:
    return Link(
        desired.kind, desired.source_id, halo_id, hash=desired.hash, active=desired.active, name=desired.name
    )
