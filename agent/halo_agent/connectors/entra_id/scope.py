"""Who belongs to it and who does not: pure. Graph's delta knows no such filter, so it is decided here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from halo_agent.connectors.entra_id.settings import AttributeRule, Users
from halo_agent.engine.records import SourceRecord, Value

Members = frozenset[str]


@dataclass(frozen=True, slots=True)
class Group:
    """A group that the settings name, and who is in it, directly or through others."""

    id: str
    name: str
    members: Members


@dataclass(frozen=True, slots=True)
class Scope:
    """The settings' word on users, with the groups' members beside it."""

    users: Users
    groups: Mapping[str, Group] = field(default_factory=dict)
    """By the name or id under which the settings know it."""

    def leaves_out(self, record: SourceRecord) -> str | None:
        """Why this user does not belong; None when it does."""
        if not self.users.guests and record.attributes.get("userType") == "Guest":
            return "it is a guest, and 'users.guests' is off"
        if named := self._first(self.users.exclude_groups, record.id):
            return f"it is a member of '{named}', which 'users.exclude_groups' names"
        if self.users.groups and not self._first(self.users.groups, record.id):
            return "it is a member of none of 'users.groups'"
        unmet = next((rule for rule in self.users.where if not _fulfils(record, rule)), None)
        return f"its {unmet.attribute} is not {' or '.join(unmet.values)}" if unmet else None

    def roles(self, user_id: str) -> tuple[str, ...]:
        """The names of those groups of `roles_from` that this user is in."""
        found = (self.groups[named] for named in self.users.roles_from)
        return tuple(group.name for group in found if user_id in group.members)

    def _first(self, named: tuple[str, ...], user_id: str) -> str | None:
        return next((self.groups[one].name for one in named if user_id in self.groups[one].members), None)


def _fulfils(record: SourceRecord, rule: AttributeRule) -> bool:
    wanted = rule.attribute.casefold()
    value = next((held for name, held in record.attributes.items() if name.casefold() == wanted), None)
    return any(
        fnmatchcase(text.casefold(), pattern.casefold()) for text in _texts(value) for pattern in rule.values
    )


def _texts(value: Value) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    return ("",) if value is None else (str(value),)
