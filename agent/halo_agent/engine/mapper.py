"""Source record to wish: pure."""

from collections.abc import Mapping

from halo_agent.engine.records import Desired, Place, SourceRecord, Value
from halo_shared.mapping import AssetTypes, EntityMapping, FieldRule, When


def wish(record: SourceRecord, mapping: EntityMapping) -> Desired:
    """What Halo should hold for this record."""
    attributes = {name.casefold(): value for name, value in record.attributes.items()}
    by_when: dict[When, dict[str, Value]] = {when: {} for when in When}
    for field, rule in mapping.fields.items():
        value = _value(rule, attributes)
        if not is_empty(value):
            by_when[rule.when][field] = value
        elif rule.blank == "clear":
            by_when[rule.when][field] = ""
    return Desired(
        kind=record.kind,
        source_id=comparable_id(record.id),
        name=record.name,
        active=record.active,
        always=by_when[When.ALWAYS],
        on_create=by_when[When.CREATE],
        when_empty=by_when[When.EMPTY],
        identity=(mapping.identity, record.id.strip()),
        place=Place(client=mapping.place.client, site=mapping.place.site),
        asset_type=_asset_type(mapping.asset_type, attributes),
    )


def attributes_read(mapping: EntityMapping) -> frozenset[str]:
    """The source attributes that a mapping reads, in its spelling."""
    read = {rule.source for rule in mapping.fields.values() if rule.source}
    if mapping.asset_type and mapping.asset_type.source:
        read.add(mapping.asset_type.source)
    return frozenset(read)


def comparable_id(source_id: str) -> str:
    """The form in which a source's ids are compared; Halo's search does not tell capitals apart either."""
    return source_id.strip().casefold()


def is_empty(value: Value) -> bool:
    """Whether a value says nothing; zero and False say something."""
    return value is None or value == () or (isinstance(value, str) and not value.strip())


def as_text(value: Value) -> str:
    """A value as people write it: 12 for 12.0, nothing for None."""
    return "" if value is None else str(_whole(value)).strip()


def _value(rule: FieldRule, attributes: Mapping[str, Value]) -> Value:
    if rule.source is None:
        return rule.value
    return _first(attributes.get(rule.source.casefold()))


def _first(value: Value) -> Value:
    """Halo's fields hold one value: of several, the first that the tool names."""
    if isinstance(value, tuple):
        value = next((one for one in value if one.strip()), None)
    return value.strip() if isinstance(value, str) else _whole(value)


def _whole(value: Value) -> Value:
    """12 rather than 12.0: spreadsheets and databases hand out whole numbers as floats, and Halo stores text."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _asset_type(types: AssetTypes | None, attributes: Mapping[str, Value]) -> str | None:
    if types is None:
        return None
    named = _first(attributes.get(types.source.casefold())) if types.source else None
    return str(named) if named else types.default
