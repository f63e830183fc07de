"""What Halo says, as the engine knows it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from halo_agent.engine.records import TargetRecord, Value
from halo_agent.targets.halo.resources import (
    CUSTOM,
    EXTERNAL_LINK,
    ID,
    KINDS,
    NAME,
    OWN,
    USERS_OF,
    Resource,
)
from halo_shared.entities import EntityKind
from halo_shared.errors import TargetUnavailable

Row = Mapping[str, Any]  # Any: a record of Halo has hundreds of properties of every JSON type


@dataclass(frozen=True, slots=True)
class About:
    """What an instance says of itself."""

    version: str
    database_version: str
    database: str


@dataclass(frozen=True, slots=True)
class AssetType:
    """A type of asset, and the ids of the fields that assets of it have."""

    id: int
    name: str
    fields: Mapping[str, int]


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


def replies(body: object) -> list[Row]:
    """The rows in the reply to a write of several records, whatever holds them."""
    match body:
        case list():
            return [row for row in body if isinstance(row, dict)]
        case dict():
            lists = [value for value in body.values() if isinstance(value, list)]
            return replies(lists[0]) if ID not in body and len(lists) == 1 else [body]
        case _:
            return []


def record(kind: EntityKind, row: Row, label: str = "") -> TargetRecord:
    """A row as the engine knows it; `label` tells the external links that are ours."""
    resource = KINDS[kind]
    name = row.get(resource.name_field) or row.get("key_field") or ""
    flat = {name: plain(value) for name, value in row.items() if not isinstance(value, list | dict)}
    return TargetRecord(
        kind=kind,
        id=id_of(row),
        name=str(name),
        active=not row.get(resource.off),
        fields=flat | dict(_own_fields(row)) | dict(_custom_fields(row)) | dict(_attached(row, label)),
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


def about(body: object) -> About:
    """What an instance says of itself."""
    if not isinstance(body, dict) or "app_version" not in body:
        raise TargetUnavailable(
            "What answers here does not say which version of Halo it is: check 'url' of the tenant."
        )
    told = [str(body.get(name) or "unknown") for name in ("app_version", "database_version", "dbid")]
    return About(*told)


def schemas(body: object) -> dict[str, list[str]]:
    """The properties of each schema in an instance's description of its API, old form or new."""
    if not isinstance(body, dict):
        return {}
    named = (body.get("components") or {}).get("schemas") or body.get("definitions") or {}
    return {name: list(one.get("properties") or ()) for name, one in named.items() if isinstance(one, dict)}


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
            yield f"{OWN}{one.get(ID)}", plain(one.get("value"))


def _custom_fields(row: Row) -> Iterator[tuple[str, Value]]:
    for one in row.get("customfields") or []:
        if isinstance(one, dict) and str(one.get(NAME, "")).startswith(CUSTOM):
            yield str(one[NAME]), plain(one.get("value"))


def _attached(row: Row, label: str) -> Iterator[tuple[str, Value]]:
    """What belongs to a record and stands in rows of its own."""
    users = row.get(USERS_OF)
    if isinstance(users, list):
        yield USERS_OF, tuple(sorted(str(id_of(user)) for user in users if _is_row(user)))
    for link in row.get("external_links") or []:
        if isinstance(link, dict) and link.get("third_party_type") == label and label:
            yield EXTERNAL_LINK, plain(link.get("third_party_id"))


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
