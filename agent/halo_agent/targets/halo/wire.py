"""Halo's shapes and ours: the only place that knows Halo's field names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from halo_agent.engine.changes import Retire, Update
from halo_agent.engine.records import Desired, Fields, PlaceIds, TargetRecord, Value
from halo_agent.engine.values import is_empty
from halo_shared.entities import EntityKind
from halo_shared.errors import ConfigurationError, MappingInvalid, TargetUnavailable

Row = Mapping[str, Any]  # Any: a record of Halo has hundreds of properties of every JSON type

ID: Final = "id"
NAME: Final = "name"
CLIENT_ID: Final = "client_id"
ASSET_TYPE_ID: Final = "assettype_id"
OWN: Final = "fields."
"""What stands before the name of an asset's own field."""
INACTIVE: Final = "inactive"
HINTS: Final[Row] = {"_isimport": True, "_dont_fire_automations": True}
"""Sent with every write: a sync must not set off what people set up for single records."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One path of the API."""

    path: str
    list_key: str | None = None
    """Where a list has its rows; None where lists are bare arrays."""
    name_field: str = NAME
    params: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request for a list."""
    searched: frozenset[str] = frozenset()
    """Fields that Halo's plain search is known to look into."""
    own_parameter: Mapping[str, str] = field(default_factory=dict)
    """Fields that are query parameters too, each with the switch that makes Halo look at nothing else."""
    typed: bool = False
    """Whether each record is of an asset type, and has the fields of that type."""


_ALL: Final = {"includeactive": "true", "includeinactive": "true"}

CLIENT: Final = Resource("Client", "clients")
SITE: Final = Resource("Site", "sites")
ASSET_TYPE: Final = Resource("AssetType")
FIELD: Final = Resource("Field", params={"kind": "T"})
INSTANCE: Final = Resource("InstanceInfo")

KINDS: Final[Mapping[EntityKind, Resource]] = {
    EntityKind.USERS: Resource("Users", "users", params=_ALL, searched=frozenset({"name", "emailaddress"})),
    EntityKind.ASSETS: Resource(
        "Asset",
        "assets",
        name_field="inventory_number",
        params=_ALL,
        own_parameter={"inventory_number": "search_inventory_number_only"},
        typed=True,
    ),
}
"""The kinds that can be written; a new kind is one more entry."""


@dataclass(frozen=True, slots=True)
class AssetType:
    """A type of asset, and the ids of the fields that assets of it have."""

    id: int
    name: str
    fields: Mapping[str, int]


def resource_of(kind: EntityKind) -> Resource:
    """Where records of this kind are; raises ConfigurationError for a kind that cannot be written."""
    if kind not in KINDS:
        raise ConfigurationError(
            f"Records of kind '{kind}' cannot be written to Halo; {' and '.join(KINDS)} can. "
            "Take it out of the integration's entities."
        )
    return KINDS[kind]


# --- what Halo says ---


def rows(body: object, resource: Resource) -> list[Row]:
    """The rows of a list, enveloped or bare."""
    found = body.get(resource.list_key) if isinstance(body, dict) and resource.list_key else body
    if not isinstance(found, list) or not all(_is_row(one) for one in found):
        raise TargetUnavailable(
            f"Halo's answer to the request to list {resource.path} is not a list of records."
        )
    return found


def single(body: object, resource: Resource) -> Row:
    """The row that a request for one record is answered with."""
    if not isinstance(body, dict) or not _is_row(body):
        raise TargetUnavailable(f"Halo's answer to the request to read {resource.path} is not a record.")
    return body


def record_count(body: object) -> int | None:
    """How many rows the whole list has; None for a bare array, which is whole."""
    return _whole(body.get("record_count")) if isinstance(body, dict) else None


def written_id(body: object) -> int | None:
    """The id in the reply to a write of one record, which is an object, a list or an envelope."""
    match body:
        case {"id": found}:
            return _whole(found)
        case [dict(only)]:
            return written_id(only)
        case dict():
            lists = [value for value in body.values() if isinstance(value, list)]
            return written_id(lists[0]) if len(lists) == 1 else None
        case _:
            return None


def record(kind: EntityKind, row: Row) -> TargetRecord:
    """A row as the engine knows it."""
    name = row.get(resource_of(kind).name_field) or row.get("key_field") or ""
    return TargetRecord(
        kind=kind,
        id=id_of(row),
        name=str(name),
        active=not row.get(INACTIVE),
        fields={name: plain(value) for name, value in row.items() if not isinstance(value, list | dict)}
        | dict(_own_fields(row)),
    )


def id_of(row: Row) -> int:
    """The id of a row that has one."""
    return int(row[ID])


def plain(value: object) -> Value:
    """A scalar so that it can be compared: whole numbers are ints, and blank is None."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case bool() | int() | float():
            return value
        case str():
            return value or None
        case _:
            return None


def version(body: object) -> str:
    """What an instance says of itself."""
    if not isinstance(body, dict) or "app_version" not in body:
        raise TargetUnavailable(
            "What answers here does not say which version of Halo it is: check 'url' of the tenant."
        )
    return f"Halo {body['app_version']}, database {body.get('database_version', 'unknown')}"


def type_fields(row: Row) -> dict[str, int]:
    """The fields of an asset type, by name."""
    entries = row.get("fields") or []
    named = {str(one.get("field_name")): one.get("field_id") for one in entries}
    named |= {str(one.get(NAME)): one.get(ID) for one in row.get("field_list") or []}
    return {name: whole for name, number in named.items() if (whole := _whole(number))}


def _is_row(one: object) -> bool:
    return isinstance(one, dict) and _whole(one.get(ID)) is not None


def _own_fields(row: Row) -> Iterator[tuple[str, Value]]:
    for one in row.get("fields") or []:
        if isinstance(one, dict) and one.get(NAME):
            yield f"{OWN}{one[NAME]}", plain(one.get("value"))


def _whole(number: object) -> int | None:
    match number:
        case bool():
            return None
        case int():
            return number
        case float() if number.is_integer():
            return int(number)
        case str() if number.isdecimal():
            return int(number)
        case _:
            return None


# --- what is said to Halo ---


def new(desired: Desired, at: PlaceIds | None, type_: AssetType | None) -> Row:
    """The body that creates a record."""
    identity, source_id = desired.identity
    fields = {**desired.when_empty, **desired.on_create, **desired.always, identity: source_id}
    filled = {name: value for name, value in fields.items() if not is_empty(value)}
    return {
        **HINTS,
        **({CLIENT_ID: at.client_id, "site_id": at.site_id} if at else {}),
        INACTIVE: not desired.active,
        **({ASSET_TYPE_ID: type_.id} if type_ else {}),
        **_sent(filled, type_),
    }


def changed(change: Update, type_: AssetType | None) -> Row:
    """The body that updates a record: what differs, and nothing else."""
    revived = {INACTIVE: False} if change.reactivate else {}
    return {**HINTS, ID: change.existing.id, **_sent(change.fields, type_), **revived}


def retired(change: Retire) -> Row:
    """The body that makes a record inactive."""
    return {**HINTS, ID: change.halo_id, INACTIVE: True}


def _sent(fields: Fields, type_: AssetType | None) -> Row:
    """Fields as Halo takes them; it ignores null, so a value is cleared with an empty text."""
    values = {name: "" if value is None else value for name, value in fields.items()}
    flat = {name: value for name, value in values.items() if not name.startswith(OWN)}
    own = [
        {ID: _field_id(name.removeprefix(OWN), type_), "value": value}
        for name, value in values.items()
        if name.startswith(OWN)
    ]
    return {**flat, "fields": own} if own else flat


def _field_id(name: str, type_: AssetType | None) -> int:
    if type_ is None:
        raise MappingInvalid(f"mapping: '{OWN}{name}' is an asset's own field, and this record is no asset.")
    if name not in type_.fields:
        raise MappingInvalid(
            f"mapping.assets.fields: asset type '{type_.name}' has no field '{name}' in Halo; "
            f"it has {', '.join(sorted(type_.fields)) or 'none'}."
        )
    return type_.fields[name]
