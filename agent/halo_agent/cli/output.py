"""What the command line prints: errors in words, stages, and a plan that reads as a diff."""

import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from halo_agent.connectors import CheckStep
from halo_agent.engine.changes import Change, Create, Retire, Update
from halo_agent.engine.outcomes import fields_of
from halo_agent.jobs.preview import Preview
from halo_shared.errors import HaloIntegratorError
from halo_shared.exits import exit_code, leaves

WIDE: Final = 200
"""Columns where nobody looks: a pipe or a file should get whole cells."""


def _console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDE
    # What people named may hold [brackets] and :colons:, so nothing is read as markup.
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


out: Final = _console()
err: Final = _console(stderr=True)

_COLOURS = {Create: "green", Update: "yellow", Retire: "red"}


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Print an expected error as a sentence and leave with the exit code that belongs to it."""
    try:
        yield
    except* HaloIntegratorError as group:
        error = next(leaves(group))
        err.print(Text(str(error), style="red"), soft_wrap=True)
        sys.exit(exit_code(error))


async def show_steps(title: str, steps: AsyncIterator[CheckStep]) -> None:
    """Each stage on a line as it succeeds; the one that fails is raised after the last good line."""
    out.print(Text(title, style="bold"))
    async for step in steps:
        out.print(Text.assemble(("  ✓ ", "green"), (f"{step.stage:<17} ", "bold"), step.found))


async def tell_step(step: str, text: str) -> None:
    """One line of a trace, as it happens."""
    out.print(Text.assemble((f"{step:<6} ", "bold"), text), soft_wrap=True)


def show_preview(found: Preview, *, as_json: bool) -> None:
    """The plan: what would change field by field, what would be left alone, and what needs a word."""
    if as_json:
        out.print_json(json.dumps(_as_data(found)))
        return
    if found.changes:
        out.print(_changes(found.changes))
    for skip in found.skips:
        out.print(Text(f"skipped  {skip.kind}: {skip.name}: {skip.why.message}", style="magenta"))
    for problem in found.problems:
        out.print(Text(f"{problem.outcome:<8} {problem.kind}: {problem.text}", style="red"))
    for remark in found.remarks:
        out.print(Text(remark, style="yellow"))
    out.print(_summary(found))
    for excess in found.excesses:
        out.print(Text(f"This run would be held for approval: {excess}.", style="bold red"))


def _changes(changes: Sequence[Change]) -> Table:
    table = Table("", "entity", "name", "field", "in Halo", "would be", "why", box=None, pad_edge=False)
    for change in changes:
        colour = _COLOURS[type(change)]
        head = [Text(change.action, style=colour), change.kind, change.name]
        for row, one in enumerate(fields_of(change)):
            lead = head if row == 0 else ["", "", ""]
            table.add_row(*lead, one.field, one.before, one.after, change.reason if row == 0 else "")
    return table


def _summary(found: Preview) -> Text:
    counted = Counter(change.action for change in found.changes)
    unchanged = sum(tally.unchanged for tally in found.counts.values())
    words = [f"{counted[action]:,} to {action}" for action in sorted(counted)] or ["nothing to write"]
    return Text(f"{', '.join(words)}; {unchanged:,} in step already. Nothing was written.", style="bold")


def _as_data(found: Preview) -> dict[str, Any]:  # Any: JSON
    return {
        "changes": [
            {
                "action": change.action,
                "entity": change.kind,
                "source_id": change.source_id,
                "name": change.name,
                "reason": change.reason,
                "fields": [one.model_dump() for one in fields_of(change)],
            }
            for change in found.changes
        ],
        "skipped": [
            {"entity": skip.kind, "source_id": skip.source_id, "name": skip.name, "reason": skip.why.message}
            for skip in found.skips
        ],
        "failed": [
            {"entity": one.kind, "name": one.name, "reason": one.error.message} for one in found.problems
        ],
        "counts": {kind: tally.model_dump() for kind, tally in found.counts.items()},
        "held_for": [excess.model_dump(mode="json") for excess in found.excesses],
        "remarks": list(found.remarks),
    }
