"""What is said to Halo: the body of each change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from halo_agent.engine.changes import Change, Create, Retire, Update
from halo_agent.engine.mapper import comparable_id
from halo_agent.engine.records import Fields, TargetRecord, Value
from halo_agent.engine.values import as_text, is_empty
from halo_agent.targets.halo.resources import (
    ASSET_TYPE_ID,
    CLIENT_ID,
    CUSTOM,
    EXTERNAL_LINK,
    ID,
    KINDS,
    OWN,
    SITE_ID,
    SOFTWARE,
    USERS_OF,
    Resource,
)
from halo_agent.targets.halo.wire import AssetType, Row, record
from halo_shared.errors import MappingInvalid

LINK_MODULE: Final = 0
"""Of our external links: they belong to none of Halo's own integrations, and are told apart by their type."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One change, ready to be sent."""

    change: Change
    body: Row

    @property
    def resource(self) -> Resource:
        """Where it is sent."""
        return KINDS[self.change.kind]

    @property
    def new(self) -> bool:
        """Whether it makes a record, which must not happen twice."""
        return ID not in self.body

    @property
    def external_link(self) -> str | None:
        """The external id that the record must be linked to, if it is known by one."""
        match self.change:
            case Create(desired=desired) if desired.identity[0] == EXTERNAL_LINK:
                return desired.identity[1]
            case Update(fields=fields) if fields.get(EXTERNAL_LINK):
                return as_text(fields[EXTERNAL_LINK])
            case _:
                return None

    def is_shown_by(self, row: Row, label: str) -> bool:
        """Whether a row of an answer is about this record: by its id, or by the identity of one that had none yet."""
        if not isinstance(self.change, Create):
            return bool(row.get(ID) == self.body[ID])
        held = record(self.change.kind, row, label) if row.get(ID) else None
        return self.fulfilled_by(held)

    def fulfilled_by(self, held: TargetRecord | None) -> bool:
        """Whether Halo's record is what this makes of it, as far as can be told from what is compared."""
        if held is None:
            return False
        match self.change:
            case Create(desired=desired):
                name, identity = desired.identity
                return comparable_id(as_text(held.fields.get(name))) == comparable_id(identity)
            case Update(fields=fields):
                shown = {name: value for name, value in fields.items() if name in held.fields}
                return all(as_text(held.fields[name]) == as_text(value) for name, value in shown.items())
            case Retire(fields=fields):
                return bool(fields) or not held.active


def new(change: Create, at: Mapping[str, int], type_: AssetType | None, hints: Row, label: str) -> Draft:
    """Creates a record. Places that the wish itself names win over `at`."""
    desired = change.desired
    identity, source_id = desired.identity
    fields = {**desired.when_empty, **desired.on_create, **desired.always, identity: source_id}
    filled = {name: value for name, value in fields.items() if not is_empty(value)}
    body = {
        **hints,
        **at,
        KINDS[change.kind].off: not desired.active,
        **({ASSET_TYPE_ID: type_.id} if type_ else {}),
        **_sent(filled, type_),
    }
    table = KINDS[change.kind].table
    if identity == EXTERNAL_LINK:
        body["new_external_link"] = link(table, source_id, desired.name, label)
    return Draft(change, body)


def changed(change: Update, type_: AssetType | None, hints: Row) -> Draft:
    """Updates a record: what differs, and nothing else."""
    revived = {KINDS[change.kind].off: False} if change.reactivate else {}
    return Draft(change, {**hints, ID: change.existing.id, **_sent(change.fields, type_), **revived})


def retired(change: Retire, hints: Row) -> Draft:
    """Takes a record out of use."""
    out = _sent(change.fields, None) if change.fields else {KINDS[change.kind].off: True}
    return Draft(change, {**hints, ID: change.halo_id, **out})


def link(table: int | None, source_id: str, name: str, label: str) -> Row:
    """An external link of ours, as it is posted with the record that it belongs to."""
    return {
        "table_id": table,
        "module_id": LINK_MODULE,
        "third_party_id": source_id,
        "third_party_type": label,
        "third_party_desc": name,
    }


def _sent(fields: Fields, type_: AssetType | None) -> dict[str, object]:
    """Fields as Halo takes them; it ignores null, so a value is cleared with an empty text."""
    body: dict[str, object] = {}
    own: list[Row] = []
    custom: list[Row] = []
    for name, value in fields.items():
        if name == EXTERNAL_LINK:
            continue  # has a row of its own
        if name.startswith(OWN):
            own.append({ID: _field_id(name.removeprefix(OWN), type_), "value": _plain(value)})
        elif name.startswith(CUSTOM):
            custom.append({"name": name, "value": _plain(value)})
        elif name == USERS_OF:
            body[name] = [{ID: int(one)} for one in _several(value)]
        elif name == SOFTWARE:
            body[name] = [_software(one) for one in _several(value)]
        elif name in {CLIENT_ID, SITE_ID}:
            body[name] = value
        else:
            body[name] = _plain(value)
    return body | ({"fields": own} if own else {}) | ({"customfields": custom} if custom else {})


def _plain(value: Value) -> Value:
    return "" if value is None else value


def _several(value: Value) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    return () if is_empty(value) else (as_text(value),)


def _software(line: str) -> Row:
    name, version, *_ = [*line.split("\t"), ""]
    return {"name": name, "version": version}


def _field_id(name: str, type_: AssetType | None) -> int:
    if type_ is None:
        raise MappingInvalid(f"mapping: '{OWN}{name}' is an asset's own field, and this record is no asset.")
    if name in type_.fields:
        return type_.fields[name]
    if name.isdecimal() and int(name) in type_.fields.values():
        return int(name)
    known = ", ".join(f"{one} ({id_})" for one, id_ in sorted(type_.fields.items()))
    raise MappingInvalid(
        f"mapping.assets.fields: asset type '{type_.name}' has no field '{name}' in Halo; it has {known or 'none'}."
    )
