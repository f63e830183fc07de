"""What became of records, as people read it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from halo_controller.cli import output
from halo_controller.nouns import Record
from halo_shared.outcomes import FieldChange, Outcome, Result

COLOURS: Final = {
    Result.CREATED: "green",
    Result.UPDATED: "yellow",
    Result.RETIRED: "red",
    Result.UNCHANGED: "dim",
    Result.SKIPPED: "magenta",
    Result.FAILED: "bold red",
}
WOULD: Final = {Result.CREATED: "create", Result.UPDATED: "update", Result.RETIRED: "retire"}


def records_table(records: Sequence[Record]) -> Table:
    """One line per outcome."""
    rows: Iterator[list[str | Text]] = (
        [
            str(record.id),
            output.ago(record.at),
            str(record.ref),
            record.run,
            what(record.outcome),
            named(record.outcome),
            record.outcome.reason,
        ]
        for record in records
    )
    columns = ("record", "when", "integration", "run", "what", "name", "why")
    return output.table(*columns, rows=rows, numbers=["record"], wraps=["integration", "name", "why"])


def changes_table(outcomes: Iterable[Outcome]) -> Table:
    """The full difference, field by field."""
    columns = ("", "entity", "name", "field", "in Halo", "would be", "why")
    rows = (row for outcome in outcomes for row in _changes(outcome))
    return output.table(*columns, rows=rows, wraps=columns[2:])


def _changes(outcome: Outcome) -> Iterator[list[str | Text]]:
    first = [what(outcome), outcome.entity.value, outcome.name]
    for number, one in enumerate(outcome.fields or (FieldChange(field=""),)):
        head = first if number == 0 else ["", "", ""]
        yield [*head, one.field, one.before, one.after, outcome.reason if number == 0 else ""]


def record_report(record: Record) -> Group:
    """All about one outcome."""
    return Group(*_sections(record))


def what(outcome: Outcome) -> Text:
    """What became of it, or would, in its colour."""
    planned = outcome.planned and outcome.result in WOULD
    word = f"would {WOULD[outcome.result]}" if planned else outcome.result
    return Text(word, style=COLOURS[outcome.result])


def named(outcome: Outcome) -> str:
    """What people call it."""
    return outcome.name or outcome.source_id


def _sections(record: Record) -> Iterator[RenderableType]:
    outcome = record.outcome
    yield Text.assemble((named(outcome), "bold"), f" ({outcome.entity}): ", what(outcome))
    yield output.facts(_facts(record))
    if outcome.fields:
        rows = ([one.field, one.before or "-", one.after or "-"] for one in outcome.fields)
        columns = ("field", "before", "would be" if outcome.planned else "after")
        yield from output.titled("Fields", output.table(*columns, rows=rows, wraps=columns))
    if outcome.advice:
        yield Text(f"\n{outcome.advice}")


def _facts(record: Record) -> Iterator[tuple[str, str]]:
    outcome = record.outcome
    yield "why", outcome.reason
    if outcome.matched:
        yield "recognised by", outcome.matched
    if outcome.placed:
        yield "placed by", outcome.placed
    if outcome.source_id:
        yield "id at its source", outcome.source_id
    if outcome.halo_id is not None:
        yield "id in Halo", str(outcome.halo_id)
    if outcome.code:
        yield "error", outcome.code
    yield "integration", str(record.ref)
    yield "run", f"{record.run}, attempt {record.attempt}"
    yield "when", output.stamp(record.at)
