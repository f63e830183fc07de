"""A run as people read it: what ran, what changed, what failed, what waits for them."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Final, TypeGuard

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from halo_controller.api.models import RunView
from halo_controller.cli import output
from halo_controller.cli.hold_report import held
from halo_controller.nouns import Attempt, Record, Run
from halo_shared.messages.events import Event, RecordEvent
from halo_shared.runs import RunStatus, Tally

TALLY: Final = tuple(Tally.model_fields)
WRITES: Final = ("created", "updated", "retired")


def report(run: RunView, events: Sequence[Event], most: int, told: Sequence[Record] = ()) -> Group:
    """All about a run, with at most so many failed records; `told` are outcomes of a run that is held."""
    failed = [event for event in events if _failed(event, run)]
    return Group(*_sections(run, failed, most, told))


def runs_list(runs: Sequence[Run]) -> Group:
    """One line per run, and which of them wait for a person."""
    held = [run for run in runs if run.status is RunStatus.HELD]
    waiting = [
        Text(f"{run.id} waits for you; see what it would do with: halo-controller runs show {run.id}")
        for run in held
    ]
    return Group(runs_table(runs), *([Text(), *waiting] if waiting else []))


def runs_table(runs: Sequence[Run]) -> Table:
    """One line per run."""
    columns = ("run", "integration", "status", "queued", "took", "written", "failed")
    return output.table(*columns, rows=map(_row, runs), numbers=columns[-3:], wraps=["integration"])


def _row(run: Run) -> list[str | Text]:
    total = sum(run.counts.values(), Tally())
    return [
        run.id,
        str(run.ref),
        _status(run),
        output.ago(run.queued_at),
        _took(run),
        f"{total.written:,}",
        f"{total.failed:,}",
    ]


def _status(run: Run) -> Text:
    word = output.word(run.status)
    if run.preview:
        return word.append(" (preview)", style="dim")
    return word.append(" (one record)", style="dim") if run.only is not None else word


def _failed(event: Event, run: RunView) -> TypeGuard[RecordEvent]:
    """Whether this is a record that failed in the latest attempt; what earlier ones met may be mended by now."""
    if not isinstance(event, RecordEvent) or not run.attempts:
        return False
    return event.outcome == "failed" and event.origin.fence == run.attempts[-1].fence


def _sections(
    run: RunView, failed: Sequence[RecordEvent], most: int, told: Sequence[Record]
) -> Iterator[RenderableType]:
    yield Text.assemble("Run ", (run.id, "bold"), f" of {run.ref}: ", _status(run))
    yield output.facts(_facts(run))
    if run.failure:
        yield Text(f"\n{run.failure.message}", style="red")
        yield Text(run.failure.advice)
    if run.counts:
        title = "What was found" if run.status is RunStatus.HELD or run.preview else "What changed"
        yield from output.titled(title, _changes(run))
    if run.planned:
        yield from output.titled("What it would write", _planned(run))
    if failed:
        yield from output.titled(f"What failed ({len(failed):,})", Group(*_failures(failed, most, run)))
    if run.status is RunStatus.HELD:
        yield from held(run, told)
    if run.preview and run.held_for:
        found = Group(*(Text(f"- {excess}") for excess in run.held_for))
        yield from output.titled("Such a run would wait for a person", found)
    if len(run.attempts) > 1:
        yield from output.titled("Attempts", _attempts(run.attempts))


def _facts(run: RunView) -> Iterator[tuple[str, str]]:
    yield "why", run.reason
    yield "queued", output.stamp(run.queued_at)
    if run.agent:
        yield "agent", f"{run.agent}, group {run.group}, attempt {run.attempt}"
    else:
        yield "group", run.group
    yield from _times(run)
    if run.requests:
        yield "requests", f"{run.requests:,} to Halo"
    if run.traceparent:
        yield "trace", run.traceparent.split("-")[1]
    if run.cancel_reason:
        yield "cancelling", run.cancel_reason
    for allowed in run.approved:
        yield "approved", f"{allowed.action} up to {allowed.up_to:,} {allowed.entity}"


def _times(run: RunView) -> Iterator[tuple[str, str]]:
    if run.started_at:
        yield "started", output.stamp(run.started_at)
    if run.ended_at:
        yield "ended", f"{output.stamp(run.ended_at)}, took {_took(run)}"
    if run.progress and run.status is RunStatus.RUNNING:
        yield "now", f"{run.progress.stage} {run.progress.done:,}"


def _changes(run: Run) -> Table:
    rows = (
        [entity.value, *(f"{getattr(tally, name):,}" for name in TALLY)]
        for entity, tally in run.counts.items()
    )
    return output.table("entity", *TALLY, rows=rows, numbers=TALLY)


def _failures(failed: Sequence[RecordEvent], most: int, run: Run) -> Iterator[RenderableType]:
    for advice, group in groupby(failed[:most], key=lambda event: event.failure.advice):
        for event in group:
            yield Text.assemble((event.name, "bold"), f" ({event.entity} {event.source_id})")
            yield Text.assemble("  ", (event.failure.message, "red"))
        yield Text(f"  {advice}")
    if len(failed) > most:
        yield Text(
            f"... and {len(failed) - most:,} more; see all with: halo-controller runs show {run.id} --all"
        )


def _planned(run: Run) -> Table:
    rows = (
        [entity.value, *(f"{getattr(tally, name):,}" for name in WRITES)]
        for entity, tally in run.planned.items()
    )
    columns = ("to create", "to update", "to retire")
    return output.table("entity", *columns, rows=rows, numbers=columns)


def _attempts(attempts: Sequence[Attempt]) -> Table:
    rows = (
        [str(one.number), one.agent, f"{one.granted_at:%H:%M:%S}", _clock_of(one), one.end or "-"]
        for one in attempts
    )
    return output.table("attempt", "agent", "from", "to", "end", rows=rows, wraps=["end"])


def _clock_of(attempt: Attempt) -> str:
    return f"{attempt.ended_at:%H:%M:%S}" if attempt.ended_at else "-"


def _took(run: Run) -> str:
    if run.started_at is None or run.status is RunStatus.HELD:
        return "-"  # what a held run waits for a person is no work
    end = run.ended_at or output.CLOCK.now()
    return output.span(max(end - run.started_at, timedelta()))
