"""Where a read ended, and whether the next one can go on from there: pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from halo_agent.connectors.active_directory.directory import Facts
from halo_shared.runs import Mode

CROWD: Final = 2
"""One person may be the last to leave a unit; several at once are a right that was taken away, until it is proved."""
REMEMBERED: Final = timedelta(days=60)
"""How long deleted objects are kept at least (tombstoneLifetime was 60 days before it became 180)."""


class Cursor(BaseModel):
    """Where a read of one kind ended; kept by the centre, and understood by this connector alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    controller: str
    invocation: str
    usn: int
    cookie: str = ""
    """DirSync's own mark (hexadecimal); empty where the account may not use it."""
    read: str
    """A fingerprint of what was asked for: rules, attributes, roles."""
    at: datetime
    full_at: datetime
    sees_deleted: bool
    groups: str
    """A fingerprint of the groups that the account was in."""
    caught: tuple[int, ...]
    """How many each rule caught in the last full read."""
    units: dict[str, int] = {}
    """How many came from each unit then; kept where deletions cannot be seen."""

    @classmethod
    def of(cls, text: str | None) -> "Cursor | None":
        """The cursor, if this is one."""
        try:
            return cls.model_validate_json(text) if text else None
        except ValidationError:
            return None


@dataclass(frozen=True, slots=True)
class Everything:
    """Read everything; `why` is said where only changes were asked for."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Since:
    """Read what was changed after this."""

    cursor: Cursor
    by_cookie: bool


def decide(
    mode: Mode, given: str | None, facts: Facts, *, read: str, now: datetime, full_every: timedelta
) -> Everything | Since:
    """Whether changes are enough, and if not, why."""
    if mode is Mode.FULL:
        return Everything()
    cursor = Cursor.of(given)
    if cursor is None:
        return Everything("Everything is read: there is no earlier read to go on from.")
    if cursor.read != read:
        return Everything("Everything is read: the scope, the mapping or another setting was changed.")
    if not (cursor.sees_deleted or cursor.cookie) and now - cursor.full_at >= full_every:
        return Everything(
            "Everything is read to find who left: this account may not see deleted objects, "
            "so this is done every 'full_every'."
        )
    if now - cursor.at >= REMEMBERED:
        return Everything(f"Everything is read: the last read was on {cursor.at:%Y-%m-%d}, too long ago.")
    if cursor.cookie:
        return Since(cursor, by_cookie=True)
    return by_count(cursor, facts)


def by_count(cursor: Cursor, facts: Facts) -> Everything | Since:
    """Whether the controller's own count of changes can be gone on with."""
    if cursor.controller != facts.host:
        return Everything(
            f"Everything is read: {facts.host} answers today and {cursor.controller} did before, "
            "and each controller counts its changes by itself."
        )
    if cursor.invocation != facts.invocation:
        return Everything(
            f"Everything is read: {facts.host} has another database than before (it was restored or set up anew)."
        )
    if facts.usn < cursor.usn:
        return Everything(
            f"Everything is read: {facts.host} counts {facts.usn} changes and had {cursor.usn} before, "
            "so it was put back to an earlier state."
        )
    return Since(cursor, by_cookie=False)


@dataclass(frozen=True, slots=True)
class Belief:
    """Whether those who were not seen are believed to be away; `why` not is told to people."""

    absence: bool
    why: str = ""


def believe(before: Cursor | None, after: Cursor, visible: Collection[str]) -> Belief:
    """Whether a full read by an account that sees no deletions proves absence: an account that lost a right sees less.

    `visible` are the units that the account can still see, as they are named in `units`.
    """
    if before is None or before.read != after.read:
        return Belief(absence=True)
    for unit, then in before.units.items():
        if unit not in after.units and (unit not in visible or then >= CROWD):
            return _doubt(f"Of {then} in the unit whose GUID begins with {unit} none is to be seen any more")
    if before.groups != after.groups and sum(after.caught) < sum(before.caught):
        return _doubt(
            f"The account is in other groups than before and sees {sum(after.caught)} where it saw {sum(before.caught)}"
        )
    return Belief(absence=True)


def _doubt(seen: str) -> Belief:
    why = (
        f"{seen}, as when a right was taken from the account: nobody is deactivated for not being seen. Give the account "
        "back its rights; or let it see deleted objects, so that who left is proved."
    )
    return Belief(absence=False, why=why)
