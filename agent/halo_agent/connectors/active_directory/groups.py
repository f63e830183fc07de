"""Groups inside groups: who is a member in the end, and of what."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from halo_agent.connectors.active_directory import values
from halo_agent.connectors.active_directory.directory import Directory
from halo_agent.directories import filters
from halo_agent.directories.messages import Entry
from halo_shared.errors import SettingsInvalid

GROUPS: Final = "(objectCategory=group)"
ALL_GROUPS: Final = filters.compiled(GROUPS)
MEMBER_ATTRIBUTES: Final = ("objectGUID", "objectSid", "objectClass", "member")


@dataclass(slots=True)
class Members:
    """Everybody in a group and in the groups inside it."""

    guids: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    """The group itself and those inside it."""
    primary: set[str] = field(default_factory=set)
    """The same as whoever has one as primary group names it: no list of members holds those."""

    def hold(self, guid: str, primary_group: str) -> bool:
        """Whether this object is a member."""
        return guid in self.guids or primary_group in self.primary


async def members_of(directory: Directory, group: str) -> Members:
    """Everybody in this group; raises SettingsInvalid when it is not to be found."""
    found = Members()
    waiting = [group]
    while waiting:
        reference = waiting.pop()
        entry = await directory.look_up_whole(reference, MEMBER_ATTRIBUTES)
        if entry is None or "group" not in values.texts(entry, "objectClass"):
            if reference != group:
                continue  # a member that is no group
            raise SettingsInvalid(
                f"The group '{group}' is not to be found: correct it, or let the account see it. "
                "Nobody is taken for a leaver because of it."
            )
        guid = values.guid(entry) or reference
        if guid in found.groups:
            continue
        found.groups.add(guid)
        found.primary.add(str(values.relative_id(_sid(entry))))
        inside = _references(values.texts(entry, "member"))
        found.guids |= inside
        waiting += await _groups_among(directory, guid, inside - found.groups)
    return found


async def _groups_among(directory: Directory, group: str, inside: Collection[str]) -> list[str]:
    """Which of the members of a group are groups: asked in one search, however many members there are."""
    if not inside:
        return []
    parent = await directory.look_up(group, ["objectGUID"])
    if parent is None:
        return []
    its_dn = filters.escaped(values.plain_dn(parent.dn))
    entries = await directory.all(
        filters.compiled(f"(&{GROUPS}(memberOf={its_dn}))"), ["objectGUID"], what="the groups inside a group"
    )
    return [guid for entry in entries if (guid := values.guid(entry))]


@dataclass(frozen=True, slots=True)
class Tree:
    """All groups of the domain, with what each is inside of."""

    names: Mapping[str, str]
    above: Mapping[str, frozenset[str]]
    by_relative_id: Mapping[str, str]

    def of(self, entry: Entry) -> frozenset[str]:
        """The GUIDs of all groups that this object is in, through others and by its primary group too."""
        waiting = list(_references(values.texts(entry, "memberOf")))
        primary = self.by_relative_id.get(values.text(entry, "primaryGroupID"))
        waiting += [primary] if primary else []
        found: set[str] = set()
        while waiting:
            guid = waiting.pop()
            if guid not in found:
                found.add(guid)
                waiting += self.above.get(guid, ())
        return frozenset(found)


async def tree(directory: Directory) -> Tree:
    """The groups of the domain as they are now."""
    names: dict[str, str] = {}
    above: dict[str, frozenset[str]] = {}
    by_relative_id: dict[str, str] = {}
    asked = ("objectGUID", "objectSid", "cn", "memberOf")
    async for page in directory.pages(ALL_GROUPS, asked, what="the groups"):
        for entry in page:
            if guid := values.guid(entry):
                names[guid] = values.text(entry, "cn")
                above[guid] = frozenset(_references(values.texts(entry, "memberOf")))
                by_relative_id[str(values.relative_id(_sid(entry)))] = guid
    return Tree(names, above, by_relative_id)


def _references(dns: Collection[str]) -> set[str]:
    return {guid for dn in dns if (guid := values.guid_of_dn(dn))}


def _sid(entry: Entry) -> bytes:
    return next(iter(entry.attributes.get("objectsid", ())), b"")
