"""What belongs to it and what does not, and how NinjaOne is asked for no more: pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Final

from halo_agent.connectors.ninjaone.settings import ALL, NODE_CLASSES, Devices, Organizations
from halo_shared.errors import SettingsInvalid

Row = Mapping[str, Any]  # Any: a record of NinjaOne is JSON
Names = Mapping[int, str]
"""Names by their ids."""
MOST_NAMED: Final = 200
"""Organizations that are named in a filter; beyond that an address grows too long, and what is read is sorted here."""
PENDING: Final = "PENDING"


def chosen(all_: Names, settings: Organizations) -> Names:
    """The organizations that belong to it; raises SettingsInvalid when one that is named is not there."""
    included = _named(all_, settings.include, "include")
    excluded = _named(all_, settings.exclude, "exclude")
    found = {
        id_: name
        for id_, name in all_.items()
        if (not settings.include or id_ in included) and id_ not in excluded
    }
    if not found:
        raise SettingsInvalid("organizations: 'exclude' leaves nothing of what 'include' names.")
    return found


@dataclass(frozen=True, slots=True)
class Scope:
    """The settings' word on devices, with the organizations that belong to it."""

    devices: Devices
    organizations: Names | None = None
    """None when all do."""

    @property
    def filter(self) -> str:
        """The device filter that asks for what belongs to it, as far as one can say it; empty for all."""
        return " AND ".join(self._clauses())

    def leaves_out(self, device: Row) -> str | None:
        """Why this device does not belong; None when it does, or when it does not say."""
        organization, class_ = device.get("organizationId"), device.get("nodeClass")
        if self.organizations is not None and organization not in self.organizations:
            return f"organization {organization} is left out by 'organizations'"
        if isinstance(class_, str) and not self._wants(class_):
            return f"its node class {class_} is not among 'devices.classes'"
        if device.get("approvalStatus") == PENDING and not self.devices.pending:
            return "it waits for approval, and 'devices.pending' is off"
        return None

    def _wants(self, class_: str) -> bool:
        return any(fnmatchcase(class_, pattern) for pattern in self.devices.classes)

    def _clauses(self) -> Iterator[str]:
        if self.organizations is not None and len(self.organizations) <= MOST_NAMED:
            yield f"org in ({', '.join(map(str, sorted(self.organizations)))})"
        if ALL not in self.devices.classes:
            yield f"class in ({', '.join(filter(self._wants, NODE_CLASSES))})"
        if not self.devices.pending:
            yield "status = APPROVED"
        if self.devices.filter:
            yield self.devices.filter


def _named(all_: Names, named: tuple[str | int, ...], setting: str) -> set[int]:
    found: set[int] = set()
    for one in named:
        text = str(one).strip().casefold()
        ids = {id_ for id_, name in all_.items() if name.strip().casefold() == text or str(id_) == text}
        if not ids:
            near = ", ".join(get_close_matches(str(one), all_.values(), n=3)) or "none"
            raise SettingsInvalid(
                f"organizations.{setting}: NinjaOne has no organization '{one}'; near to it are: {near}."
            )
        found |= ids
    return found
