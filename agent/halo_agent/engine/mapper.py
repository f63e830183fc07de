"""Source record to wish: pure."""

from collections.abc import Mapping

from halo_agent.engine.conditions import Attributes, holds
from halo_agent.engine.placer import placings
from halo_agent.engine.records import Desired, SourceRecord, Value
from halo_agent.engine.values import as_text, first, is_empty, transformed
from halo_shared.conditions import Condition
from halo_shared.errors import RecordUnreadable
from halo_shared.mapping import PLACEHOLDER, AssetTypes, EntityMapping, FieldRule, When

SOFTWARE = "software"
"""The field by which a target knows the programs of an asset."""


def wish(record: SourceRecord, mapping: EntityMapping) -> Desired:
    """What Halo should hold for this record; raises RecordUnreadable when a value is required and missing, or is no date."""
    attributes = lowered(record.attributes)
    by_when: dict[When, dict[str, Value]] = {when: {} for when in When}
    for field, rule in mapping.fields.items():
        value = _checked(field, rule, attributes)
        if not is_empty(value):
            by_when[rule.when][field] = value
        elif rule.blank == "clear":
            by_when[rule.when][field] = ""
    if record.software is not None:
        by_when[When.ALWAYS][SOFTWARE] = tuple(sorted({one.line for one in record.software}))
    options = placings(record.place, mapping.place, attributes)
    return Desired(
        kind=record.kind,
        source_id=comparable_id(record.id),
        name=record.name,
        active=record.active,
        always=by_when[When.ALWAYS],
        on_create=by_when[When.CREATE],
        when_empty=by_when[When.EMPTY],
        identity=(mapping.identity or "", record.id.strip()),
        place=options[-1].place if options else None,
        asset_type=_asset_type(mapping.asset_type, attributes),
        placings=options,
        references=record.references,
    )


def lowered(attributes: Mapping[str, Value]) -> Attributes:
    """The attributes by their names in lower case."""
    return {name.casefold(): value for name, value in attributes.items()}


def out_of_scope(record: SourceRecord, mapping: EntityMapping) -> Condition | None:
    """The first condition of the scope that does not hold."""
    if not mapping.scope:
        return None
    attributes = lowered(record.attributes)
    return next((one for one in mapping.scope if not holds(one, attributes)), None)


def attributes_read(mapping: EntityMapping) -> frozenset[str]:
    """The source attributes that a mapping reads, in its spelling."""
    read = {name for rule in mapping.fields.values() for name in rule.attributes}
    tests: list[Condition] = [*mapping.scope]
    if types := mapping.asset_type:
        tests += types.rules
        read |= {types.source} if types.source else set()
    if place := mapping.place:
        tests += place.rules
        read |= {place.table.source} if place.table else set()
        read |= {name for name in (place.names.client, place.names.site) if name} if place.names else set()
    return frozenset(read | {test.attribute for test in tests})


def comparable_id(source_id: str) -> str:
    """The form in which a source's ids are compared; Halo's search does not tell capitals apart either."""
    return source_id.strip().casefold()


def _checked(field: str, rule: FieldRule, attributes: Attributes) -> Value:
    try:
        value = transformed(_origin(rule, attributes), rule.apply)
    except ValueError as error:
        raise RecordUnreadable(
            f"{field}: {error}. Correct it at the source, or mapping.fields.{field}."
        ) from error
    if rule.required and is_empty(value):
        origin = " and ".join(rule.attributes) or "the value"
        raise RecordUnreadable(f"{field} is required, and {origin} is empty; Halo keeps what it has.")
    return value


def _origin(rule: FieldRule, attributes: Attributes) -> Value:
    if rule.template is not None:
        return _filled(rule.template, attributes)
    return attributes.get(rule.source.casefold()) if rule.source is not None else rule.value


def _filled(template: str, attributes: Attributes) -> str:
    """The template with its attributes; empty when all of them are."""
    values = {name: as_text(first(attributes.get(name.casefold()))) for name in PLACEHOLDER.findall(template)}
    if not any(values.values()):
        return ""
    return " ".join(PLACEHOLDER.sub(lambda found: values[found.group(1)], template).split())


def _asset_type(types: AssetTypes | None, attributes: Attributes) -> str | None:
    if types is None:
        return None
    for rule in types.rules:
        if holds(rule, attributes):
            return rule.type
    named = first(attributes.get(types.source.casefold())) if types.source else None
    return str(named) if named else types.default
