"""Record of NinjaOne to record of ours: pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from halo_agent.connectors.ninjaone.settings import Domain, LastUser
from halo_agent.engine.records import Reference, Role, Software, SourceRecord, UnreadableRecord, Value
from halo_shared.entities import EntityKind
from halo_shared.mapping import NEVER_MATCH

Row = Mapping[str, Any]  # Any: a record of NinjaOne is JSON
Record = SourceRecord | UnreadableRecord
Names = Mapping[int, str]

ORGANIZATION: Final = "organization"
LOCATION: Final = "location"
ROLE: Final = "role"
LAST_USER: Final = "lastLoggedInUser"
SERIAL: Final = "serialNumber"
SERIAL_OR_NAME: Final = "serialOrName"
URL: Final = "url"
_NO_SERIAL: Final = frozenset(value.casefold() for value in NEVER_MATCH)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known around devices, each by its id; empty where it is not asked for."""

    console: str
    """The address of the instance, as a browser shows it."""
    organizations: Names = field(default_factory=dict)
    locations: Names = field(default_factory=dict)
    roles: Names = field(default_factory=dict)
    users: Names = field(default_factory=dict)
    """Who was last logged on, by the device's id."""
    software: Mapping[int, Sequence[Software]] = field(default_factory=dict)
    """By the device's id; a device without a word is not among them."""


def names(rows: Sequence[object]) -> Names:
    """The name of each of these, by its id."""
    return {
        id_: name
        for row in rows
        if isinstance(row, dict) and (id_ := _id(row)) and (name := _text(row, "name"))
    }


def client(row: object) -> Record:
    """The client that an organization is."""
    return _named(EntityKind.CLIENTS, row, ())


def site(row: object) -> Record:
    """The site that a location is; it belongs to the client of its organization."""
    if isinstance(row, dict) and (organization := _id(row, "organizationId")):
        return _named(EntityKind.SITES, row, (_refers(Role.CLIENT, EntityKind.CLIENTS, organization),))
    return UnreadableRecord(EntityKind.SITES, _place(row, "location"), "NinjaOne gave no organization for it")


def asset(row: object, around: Surroundings, last_user: LastUser, since: datetime | None) -> Record:
    """The asset that a device is; one without contact `since` then is out of use."""
    if not isinstance(row, dict) or not (id_ := _id(row)):
        return UnreadableRecord(EntityKind.ASSETS, _place(row, "device"), "NinjaOne gave no id for it")
    user = around.users.get(id_, "")
    name = _text(row, "displayName", "systemName", "dnsName") or str(id_)
    contact = row.get("lastContact")
    return SourceRecord(
        kind=EntityKind.ASSETS,
        id=str(id_),
        name=name,
        attributes={**dict(_values(row)), **_derived(row, id_, name, around), LAST_USER: user or None},
        active=since is None or not isinstance(contact, int | float) or contact >= since.timestamp(),
        references=(*_places(row), *_users(user, last_user)),
        software=tuple(around.software[id_]) if id_ in around.software else None,
    )


def last_users(rows: Sequence[object], known: dict[int, tuple[float, str]]) -> None:
    """Take who was last logged on from rows of the report; the latest of several counts."""
    for row in rows:
        if not isinstance(row, dict) or not (device := _id(row, "deviceId")):
            continue
        at = row.get("logonTime")
        moment = at if isinstance(at, int | float) else 0
        user = _text(row, "userName")
        if user and (device not in known or known[device][0] <= moment):
            known[device] = (moment, user)


def program(row: object) -> tuple[int, Software] | None:
    """The program in a row of the report, with the id of its device; None for a row that names none."""
    if not isinstance(row, dict) or not (device := _id(row, "deviceId")) or not (name := _text(row, "name")):
        return None
    return device, Software(name, _text(row, "version"), _text(row, "publisher"))


def _named(kind: EntityKind, row: object, references: tuple[Reference, ...]) -> Record:
    what = "organization" if kind is EntityKind.CLIENTS else "location"
    if not isinstance(row, dict) or not (id_ := _id(row)):
        return UnreadableRecord(kind, _place(row, what), "NinjaOne gave no id for it")
    if not (name := _text(row, "name")):
        return UnreadableRecord(kind, f"{what} {id_}", "NinjaOne gave no name for it")
    return SourceRecord(kind, str(id_), name, dict(_values(row)), references=references)


def _values(row: Row, within: str = "") -> Iterator[tuple[str, Value]]:
    """What a record says, by names as in `system.serialNumber`; lists of records are left out."""
    for name, value in row.items():
        match value:
            case str() | int() | float() | bool():
                yield f"{within}{name}", value
            case dict():
                yield from _values(value, f"{within}{name}.")
            case [*items] if items and all(isinstance(item, str) for item in items):
                yield f"{within}{name}", tuple(items)


def _derived(row: Row, id_: int, name: str, around: Surroundings) -> dict[str, Value]:
    serial = _serial(row.get("system"))
    return {
        ORGANIZATION: around.organizations.get(_id(row, "organizationId")),
        LOCATION: around.locations.get(_id(row, "locationId")),
        ROLE: around.roles.get(_id(row, "nodeRoleId")),
        SERIAL: serial or None,
        SERIAL_OR_NAME: serial or name,
        URL: f"{around.console}/#/deviceDashboard/{id_}/overview",
    }


def _serial(system: object) -> str:
    """The first serial number that is one: makers fill in words where they know nothing."""
    if not isinstance(system, dict):
        return ""
    found = (_text(system, key) for key in ("serialNumber", "biosSerialNumber"))
    return next((text for text in found if text.strip("0") and text.casefold() not in _NO_SERIAL), "")


def _places(row: Row) -> Iterator[Reference]:
    if organization := _id(row, "organizationId"):
        yield _refers(Role.CLIENT, EntityKind.CLIENTS, organization)
    if location := _id(row, "locationId"):
        yield _refers(Role.SITE, EntityKind.SITES, location)


def _users(user: str, said: LastUser) -> Iterator[Reference]:
    ignored = any(fnmatchcase(user.casefold(), pattern.casefold()) for pattern in said.ignore)
    if not user or not said.link or ignored:
        return
    named = user.rpartition("\\")[2] if said.domain is Domain.DROP else user
    yield Reference(Role.USER, EntityKind.USERS, named, attribute=said.field)


def _refers(role: Role, kind: EntityKind, id_: int) -> Reference:
    return Reference(role, kind, str(id_))


def _id(row: Row, name: str = "id") -> int:
    """The id of this name; 0, which NinjaOne gives to nothing, where there is none."""
    value = row.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _text(row: Row, *names: str) -> str:
    """The first of these that says something, without the space around it."""
    return next((text for name in names if (text := str(row.get(name) or "").strip())), "")


def _place(row: object, what: str) -> str:
    """Where to look for a record that has no id."""
    named = _text(row, "displayName", "systemName", "name") if isinstance(row, dict) else ""
    return f"{what} '{named}'" if named else f"a {what} without a name"
