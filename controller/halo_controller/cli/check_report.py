"""What came of trying a tenant's Halo, as people read it."""

from collections.abc import Iterator

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from halo_controller.cli import output
from halo_controller.nouns import HaloCheck
from halo_shared.messages.requests import HaloChecked


def tell(found: HaloCheck, *, as_json: bool) -> None:
    """Show it, and leave with 1 unless Halo could be entered."""
    output.show(found, lambda check: Group(*_report(check)), as_json=as_json)
    if found.answer is None or found.answer.failure:
        raise typer.Exit(1)


def _report(check: HaloCheck) -> Iterator[RenderableType]:
    if check.answer is None:
        yield Text(f"Agent {check.agent} was asked to try its Halo and has not answered yet.", style="yellow")
        return
    yield Text(f"Its Halo, tried by agent {check.agent}", style="bold")
    for step in check.answer.steps:
        yield Text.assemble(("✓ ", "green"), f"{step.stage}: {step.found}")
    if failure := check.answer.failure:
        yield Text(f"✗ {failure.message}", style="red")
        yield Text(f"  {failure.advice}", style="yellow")
    if check.answer.rights:
        yield from output.titled("What it may do there", _rights(check.answer))


def _rights(answer: HaloChecked) -> Table:
    rows: list[list[str | Text]] = [
        [
            right.entity,
            right.access,
            right.path,
            Text(f"✗ {right.missing}", style="red") if right.missing else Text("✓", style="green"),
        ]
        for right in answer.rights
    ]
    return output.table("entity", "", "in Halo", "", rows=rows)
