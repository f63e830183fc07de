"""The rules of the scope as the domain is now: units by their present DN, groups with all their members."""

from collections import Counter
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from halo_agent.connectors.active_directory import values
from halo_agent.connectors.active_directory.directory import Directory
from halo_agent.connectors.active_directory.groups import Members, members_of
from halo_agent.connectors.active_directory.rules import Rule, is_dn
from halo_agent.directories import filters
from halo_agent.directories.messages import Entry, Scope
from halo_shared.entities import EntityKind
from halo_shared.errors import SettingsInvalid

NORMAL_USER: Final = "(&(sAMAccountType=805306368)(!(isCriticalSystemObject=TRUE)))"
CONTACT: Final = "(&(objectCategory=person)(objectClass=contact))"
COMPUTER: Final = "(&(objectCategory=computer)(objectClass=computer))"
IDENTITY: Final = ("objectGUID", "primaryGroupID")
EVERYWHERE: Final = Rule()


@dataclass(frozen=True, slots=True)
class Area:
    """One rule, and what it stands for today."""

    rule: Rule
    base: str
    members: Members | None

    @property
    def name(self) -> str:
        """The rule in a message: by its own name, or by that of its unit today."""
        if self.rule.name or not self.rule.ou:
            return self.rule.described
        return next(iter(values.dn_parts(self.base)), self.base)

    def catches(self, guid: str, entry: Entry) -> bool:
        """Whether the rule's group holds this object; its unit and filter were asked of the controller."""
        return self.members is None or self.members.hold(guid, values.text(entry, "primaryGroupID"))


@dataclass(slots=True)
class Caught:
    """What the rules have decided so far."""

    by_rule: list[int]
    """How many each rule caught."""
    decided: set[str] = field(default_factory=set)
    """Everything that any rule caught, exclusions included."""
    left_out: set[str] = field(default_factory=set)
    """What rules exclude."""
    by_unit: Counter[str] = field(default_factory=Counter)
    """How many were let in from each unit, by its DN in lower case."""


def kind_filter(kind: EntityKind, *, contacts: bool) -> str:
    """Which objects are of this kind at all."""
    if kind is EntityKind.ASSETS:
        return COMPUTER
    return f"(|{NORMAL_USER}{CONTACT})" if contacts and kind is EntityKind.USERS else NORMAL_USER


def rules_for(kind: EntityKind, rules: Sequence[Rule]) -> Sequence[Rule]:
    """The rules of this kind; without any, everything in the domain is of it."""
    found = [rule for rule in rules if rule.kind is kind]
    if not found and kind is EntityKind.TECHNICIANS:
        raise SettingsInvalid(
            "Nobody is a technician by default: say in 'scope' which unit or group holds them, with kind: technicians."
        )
    if all(rule.exclude for rule in found):
        found.append(EVERYWHERE.model_copy(update={"kind": kind}))
    return found


async def areas(directory: Directory, rules: Sequence[Rule]) -> Sequence[Area]:
    """The rules as the domain is now; raises SettingsInvalid for a unit or group that is not to be found."""
    return [
        Area(
            rule,
            await _base(directory, rule),
            await members_of(directory, rule.member_of) if rule.member_of else None,
        )
        for rule in rules
    ]


async def caught(
    directory: Directory,
    areas: Sequence[Area],
    so_far: Caught,
    *,
    kind: str,
    condition: str = "",
    attributes: Collection[str],
) -> AsyncGenerator[tuple[Rule, Entry], None]:
    """Each object that a rule lets in, once, with that rule; an object without an identity comes as it is."""
    for index, area in enumerate(areas):
        rule = area.rule
        pages = directory.pages(
            filters.compiled(f"(&{kind}{rule.filter or ''}{condition})"),
            list(IDENTITY if rule.exclude else attributes),
            base=area.base,
            scope=Scope.SUBTREE if rule.recursive else Scope.CHILDREN,
            what=f"'{area.name}'",
        )
        async for page in pages:
            for entry in page:
                guid = values.guid(entry)
                if guid is None:
                    if not rule.exclude:
                        yield rule, entry
                elif guid not in so_far.decided and area.catches(guid, entry):
                    so_far.decided.add(guid)
                    so_far.by_rule[index] += 1
                    if rule.exclude:
                        so_far.left_out.add(guid)
                    else:
                        so_far.by_unit[values.parent_dn(values.plain_dn(entry.dn)).casefold()] += 1
                        yield rule, entry


async def _base(directory: Directory, rule: Rule) -> str:
    if rule.ou is None:
        return directory.facts.base
    found = await directory.look_up(rule.ou, ["objectGUID"])
    if found is None:
        cure = (
            "correct it, and better name the unit by its GUID, which `halo-agent browse` shows"
            if is_dn(rule.ou)
            else "give the account back the right to see it; or, if the unit was really deleted, take the rule out of 'scope'"
        )
        raise SettingsInvalid(
            f"The unit '{rule.ou}' of the rule '{rule.described}' is not to be found: {cure}. "
            "Nobody is taken for a leaver because of it."
        )
    return values.plain_dn(found.dn)


def same_identity(guid: str) -> str:
    """A filter for the object with this GUID."""
    return f"(objectGUID={filters.escaped(UUID(guid).bytes_le)})"
