"""What became of a record, or what would, as people read it: pure."""

from collections.abc import Iterator
from typing import Final, assert_never

from halo_agent.engine.changes import Answer, Change, Create, Retire, Skip, Update
from halo_agent.engine.records import Desired, Fields, Value
from halo_agent.engine.values import as_text
from halo_shared.entities import EntityKind
from halo_shared.errors import HaloIntegratorError, RecordError, disposition
from halo_shared.mapping import EntityMapping
from halo_shared.outcomes import FieldChange, Outcome, Result
from halo_shared.runs import Action

BY_LINK: Final = "its link"
RESULT: Final = {
    Action.CREATE: Result.CREATED,
    Action.UPDATE: Result.UPDATED,
    Action.RETIRE: Result.RETIRED,
}


def of_plan(change: Change, mapping: EntityMapping) -> Outcome:
    """What would become of a record."""
    fields = tuple(fields_of(change))
    return Outcome(
        entity=change.kind,
        source_id=change.source_id,
        name=change.name,
        result=RESULT[change.action],
        planned=True,
        reason=change.reason,
        matched=_matched(change),
        placed=_placed(change),
        halo_id=_halo_id(change),
        fields=fields,
        keys=tuple(_keys(fields, mapping)),
    )


def of_answer(change: Change, answer: Answer, mapping: EntityMapping) -> Outcome:
    """What became of a record that was written, or was to be."""
    planned = of_plan(change, mapping)
    if isinstance(answer, RecordError):
        update: dict[str, object] = {"result": Result.FAILED, "reason": answer.message} | _remedy(answer)
    elif answer.found:
        matched = "it was there already, made by an attempt whose answer was lost"
        update = {"halo_id": answer.halo_id, "matched": matched}
    else:
        update = {"halo_id": answer.halo_id}
    return planned.model_copy(update={"planned": False} | update)


def of_skip(skip: Skip) -> Outcome:
    """What keeps a record from being touched."""
    return of_error(skip.kind, skip.source_id, skip.name, Result.SKIPPED, skip.why)


def of_error(
    kind: EntityKind, source_id: str, name: str, result: Result, error: HaloIntegratorError
) -> Outcome:
    """A record that did not get as far as to be compared."""
    fixed = Outcome(entity=kind, source_id=source_id, name=name, result=result, reason=error.message)
    return fixed.model_copy(update=_remedy(error))


def _remedy(error: HaloIntegratorError) -> dict[str, object]:
    return {"code": error.code, "advice": disposition(error).advice}


def _matched(change: Change) -> str:
    match change:
        case Create():
            return ""
        case Update():
            return change.matched or BY_LINK
        case Retire():
            return BY_LINK
        case _:
            assert_never(change)


def _placed(change: Change) -> str:
    return (
        "" if isinstance(change, Retire) or not isinstance(change.desired, Desired) else change.desired.placed
    )


def _halo_id(change: Change) -> int | None:
    match change:
        case Create():
            return None
        case Update():
            return change.existing.id
        case Retire():
            return change.halo_id
        case _:
            assert_never(change)


def fields_of(change: Change) -> Iterator[FieldChange]:
    """What is written, field by field, and what Halo has there."""
    match change:
        case Create(desired=desired):
            name, id_ = desired.identity
            yield from _written({name: id_, **desired.when_empty, **desired.on_create, **desired.always}, {})
        case Update():
            yield from _written(change.fields, change.existing.fields)
            if change.reactivate:
                yield FieldChange(field="inactive", before="yes", after="no")
        case Retire(fields=fields) if fields:
            yield from _written(fields, {})
        case Retire():
            yield FieldChange(field="inactive", before="no", after="yes")
        case _:
            assert_never(change)


def _written(fields: Fields, held: Fields) -> Iterator[FieldChange]:
    for name, value in fields.items():
        yield FieldChange(field=name, before=shown(held.get(name)), after=shown(value))


def shown(value: Value) -> str:
    """A value as people read it."""
    return ", ".join(value) if isinstance(value, tuple) else as_text(value)


def _keys(fields: tuple[FieldChange, ...], mapping: EntityMapping) -> Iterator[str]:
    """What people may look for it by: whatever recognises it, and every address."""
    recognising = {mapping.identity, *(one.field for one in mapping.match)}
    for one in fields:
        for value in (one.before, one.after):
            if value and (one.field in recognising or "@" in value):
                yield value
