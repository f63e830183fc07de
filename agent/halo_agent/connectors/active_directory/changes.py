"""What was changed and what was deleted since the last read, asked of the controller."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from halo_agent.connectors.active_directory import values
from halo_agent.connectors.active_directory.cursor import Cursor, Since
from halo_agent.connectors.active_directory.directory import Directory
from halo_agent.connectors.active_directory.records import EXPIRES, Shape
from halo_agent.connectors.active_directory.scope import Area, same_identity
from halo_agent.directories import controls, filters
from halo_agent.directories.connection import Refused
from halo_agent.directories.messages import Entry, Scope
from halo_shared.entities import EntityKind
from halo_shared.errors import HaloIntegratorError

PEOPLE: Final = "(objectCategory=person)"
COMPUTERS: Final = "(objectCategory=computer)"
GROUPS: Final = "(objectCategory=group)"
UNITS: Final = "(|(objectCategory=organizationalUnit)(objectCategory=container))"
WATCHED: Final = "(|(objectClass=user)(objectClass=contact)(objectClass=group)(objectClass=organizationalUnit)(objectClass=container))"
UNIT_CLASSES: Final = {"organizationalUnit", "container", "builtinDomain", "domainDNS"}
DELETED: Final = "deleted in the directory"
TOGETHER: Final = 100
"""Objects that one filter names."""
PLACEMENT: Final = {"dn", "ou", "oupath"}


@dataclass(slots=True)
class Changed:
    """What happened since the last read."""

    ids: set[str] = field(default_factory=set)
    """Of the kind that is read, in the scope or not."""
    conditions: list[str] = field(default_factory=list)
    """Filters that find the same objects again."""
    deleted: set[str] = field(default_factory=set)
    cookie: bytes = b""
    why_everything: str = ""
    """What was changed that a read of changes cannot follow."""


def broad(kind: EntityKind) -> str:
    """Everything that is or ever was of this kind, whatever the settings say today."""
    return COMPUTERS if kind is EntityKind.ASSETS else PEOPLE


async def first_cookie(directory: Directory) -> bytes:
    """DirSync's mark of this moment; empty where the account may not use it."""
    try:
        _, cookie = await directory.changed(filters.compiled("(objectClass=domainDNS)"), ["objectGUID"], b"")
    except Refused:
        return b""
    return cookie


async def sees_deleted(directory: Directory) -> bool:
    """Whether the account may see what was deleted; by default administrators alone may."""
    try:
        found = await directory.look_up(
            _deleted_objects(directory), ["objectGUID"], also=[controls.show_deleted()]
        )
    except HaloIntegratorError:
        return False
    # The container itself is shown to everybody, but empty of everything.
    return found is not None and values.guid(found) is not None


async def deleted(directory: Directory, kind: EntityKind, *, after: int = 0) -> set[str]:
    """The ids of deleted objects of this kind, of those deleted after this change."""
    name = "computer" if kind is EntityKind.ASSETS else "user"
    wanted = f"(&(isDeleted=TRUE)(|(objectClass={name})(objectClass=contact))(uSNChanged>={after + 1}))"
    pages = directory.pages(
        filters.compiled(wanted),
        ["objectGUID"],
        base=_deleted_objects(directory),
        scope=Scope.CHILDREN,
        also=[controls.show_deleted()],
        what="the deleted objects",
    )
    return {guid async for page in pages for entry in page if (guid := values.guid(entry))}


async def since(
    directory: Directory, start: Since, kind: EntityKind, areas: Sequence[Area], shape: Shape
) -> Changed:
    """What was changed since this cursor."""
    cursor = start.cursor
    if start.by_cookie:
        changed = await _by_cookie(directory, cursor, kind, areas, shape)
    else:
        changed = await _by_count(directory, cursor.usn, kind, areas, shape)
        if cursor.sees_deleted and not changed.why_everything:
            changed.deleted = await deleted(directory, kind, after=cursor.usn)
    if not changed.why_everything:
        await _expired_meanwhile(directory, changed, kind, cursor.at, shape.now)
    return changed


async def changed_ids(directory: Directory, kind: EntityKind, condition: str) -> set[str]:
    """The ids of all objects of this kind that meet a condition, in the scope or not."""
    pages = directory.pages(
        filters.compiled(f"(&{broad(kind)}{condition})"), ["objectGUID"], what="the changes"
    )
    return {guid async for page in pages for entry in page if (guid := values.guid(entry))}


async def visible_units(directory: Directory) -> dict[str, str]:
    """The units and containers that the account can see: DN in lower case to the beginning of the GUID.

    That is enough of a GUID to tell the units of one domain apart, and keeps a cursor small.
    """
    pages = directory.pages(
        filters.compiled(f"(|{UNITS}(objectClass=domainDNS))"), ["objectGUID"], what="the units"
    )
    return {
        values.plain_dn(entry.dn).casefold(): guid[:8]
        async for page in pages
        for entry in page
        if (guid := values.guid(entry))
    }


def among(ids: Sequence[str]) -> Iterator[str]:
    """Filters that find these objects, some at a time."""
    for first in range(0, len(ids), TOGETHER):
        yield f"(|{''.join(map(same_identity, ids[first : first + TOGETHER]))})"


async def _by_count(
    directory: Directory, usn: int, kind: EntityKind, areas: Sequence[Area], shape: Shape
) -> Changed:
    condition = f"(uSNChanged>={usn + 1})"
    changed = Changed(conditions=[condition])
    asked = ("objectGUID", "objectClass", "name", "uSNCreated")
    wanted = f"(&(|{broad(kind)}{GROUPS}{UNITS}){condition})"
    async for page in directory.pages(filters.compiled(wanted), asked, what="the changes"):
        for entry in page:
            is_new = int(values.text(entry, "uSNCreated") or 0) > usn
            _sort(changed, entry, entry, areas, shape, is_new=is_new)
    return changed


async def _by_cookie(
    directory: Directory, cursor: Cursor, kind: EntityKind, areas: Sequence[Area], shape: Shape
) -> Changed:
    asked = ["objectGUID", "isDeleted", "name", "parentGUID", "member", *shape.asked]
    try:
        found, cookie = await directory.changed(
            filters.compiled(WATCHED), list(dict.fromkeys(asked)), bytes.fromhex(cursor.cookie)
        )
    except (Refused, ValueError) as error:
        why = f"Everything is read: {directory.facts.host} does not take the mark of the last read ({error})."
        return Changed(why_everything=why)
    changed = Changed(cookie=cookie)
    seen = {guid: entry for entry in found if (guid := values.guid(entry))}
    changed.deleted = {guid for guid, entry in seen.items() if values.text(entry, "isDeleted") == "TRUE"}
    alive = sorted(seen.keys() - changed.deleted)
    asked_now = ("objectGUID", "objectClass", "name")
    for condition in among(alive):
        wanted = filters.compiled(f"(&(|{broad(kind)}{GROUPS}{UNITS}){condition})")
        for entry in await directory.all(wanted, asked_now, what="the changes"):
            _sort(changed, entry, seen[str(values.guid(entry))], areas, shape, is_new=False)
    changed.conditions = list(among(sorted(changed.ids)))
    return changed


def _sort(
    changed: Changed, entry: Entry, change: Entry, areas: Sequence[Area], shape: Shape, *, is_new: bool
) -> None:
    """Take note of one changed object; `change` holds what of it was changed, where that is known."""
    guid = values.guid(entry)
    if guid is None:
        return
    classes = set(values.texts(entry, "objectClass"))
    if "group" in classes:
        if shape.follows_groups or any(area.members and guid in area.members.groups for area in areas):
            name = values.text(entry, "name")
            changed.why_everything = (
                f"Everything is read: the group '{name}' was changed, and with it who belongs to what."
            )
    elif classes & UNIT_CLASSES:
        moved = entry is change or change.attributes.keys() & {"name", "parentguid"}
        matters = any(area.rule.ou for area in areas) or bool(shape.wanted & PLACEMENT)
        if matters and moved and not is_new:
            dn = values.plain_dn(entry.dn)
            changed.why_everything = f"Everything is read: the unit '{dn}' was changed, renamed or moved."
    else:
        changed.ids.add(guid)


async def _expired_meanwhile(
    directory: Directory, changed: Changed, kind: EntityKind, before: datetime, now: datetime
) -> None:
    """Accounts whose last day passed: nothing was changed in the directory, and yet they are out of use now."""
    if kind is EntityKind.ASSETS:
        return
    first, last = values.as_file_time(before), values.as_file_time(now)
    condition = f"(&({EXPIRES}>={first})({EXPIRES}<={last}))"
    if found := await changed_ids(directory, kind, condition) - changed.ids:
        changed.ids |= found
        changed.conditions += among(sorted(found))


def _deleted_objects(directory: Directory) -> str:
    return f"CN=Deleted Objects,{directory.facts.base}"
