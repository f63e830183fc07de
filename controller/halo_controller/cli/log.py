"""`halo-controller log`."""

import csv
import sys
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.events import STYLES
from halo_controller.cli.output import JsonOption
from halo_controller.cli.references import RunArgument
from halo_controller.cli.silences import span
from halo_controller.runlog.story import Story
from halo_shared.messages.base import Failure
from halo_shared.messages.events import Event, Level

app = typer.Typer(help="The run log: what happened in each run, kept and searchable.", no_args_is_help=True)


class Format(StrEnum):
    """How lines are exported."""

    CSV = "csv"
    JSONL = "jsonl"


TenantOption = Annotated[str | None, typer.Option(help="Only this tenant's.")]
IntegrationOption = Annotated[str | None, typer.Option(help="Only of integrations of this name.")]
LevelOption = Annotated[Level, typer.Option(help="This level and louder.")]
TextOption = Annotated[str | None, typer.Option(help="Only lines that hold this.")]
SinceOption = Annotated[
    timedelta | None, typer.Option(metavar="SPAN", parser=span, help="Only so far back, as in 2d.")
]


@app.command(epilog="Example: halo-controller log story 3fa9")
@connected
async def story(client: Client, run: RunArgument, as_json: JsonOption = False) -> None:
    """Tell the story of a run: its stages, its rate, what failed and what was skipped, by reason."""
    output.show(await client.get(f"/runs/{run}/story", Story), _story, as_json=as_json)


@app.command(epilog="Example: halo-controller log search --tenant acme --level warning --text dc1 --since 2d")
@connected
async def search(
    client: Client,
    tenant: TenantOption = None,
    integration: IntegrationOption = None,
    level: LevelOption = Level.INFO,
    text: TextOption = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 200,
    as_json: JsonOption = False,
) -> None:
    """Print the latest lines of all runs that fit, the oldest first."""
    found = await _found(client, tenant, integration, level, text, since, limit)
    output.show(found, lambda lines: Group(*map(_line, lines)), as_json=as_json)


@app.command(epilog="Example: halo-controller log export --tenant acme --since 30d --format csv > log.csv")
@connected
async def export(
    client: Client,
    tenant: TenantOption = None,
    integration: IntegrationOption = None,
    level: LevelOption = Level.INFO,
    text: TextOption = None,
    since: SinceOption = None,
    form: Annotated[Format, typer.Option("--format", help="CSV, or one JSON object per line.")] = Format.CSV,
) -> None:
    """Write lines for other programs."""
    found = await _found(client, tenant, integration, level, text, since, 100_000)
    if form is Format.JSONL:
        sys.stdout.writelines(event.model_dump_json() + "\n" for event in found)
        return
    table = csv.writer(sys.stdout)
    table.writerow(["at", "level", "tenant", "integration", "run", "agent", "kind", "code", "text"])
    table.writerows(map(_cells, found))


async def _found(
    client: Client,
    tenant: str | None,
    integration: str | None,
    level: Level,
    text: str | None,
    since: timedelta | None,
    limit: int,
) -> list[Event]:
    return await client.get(
        "/log",
        list[Event],
        tenant=tenant,
        integration=integration,
        level=level,
        text=text,
        since=(output.CLOCK.now() - since).isoformat() if since else None,
        limit=limit,
    )


def _line(event: Event) -> Text:
    origin = event.origin
    return Text.assemble(
        (f"{event.at:%Y-%m-%d %H:%M:%S}Z ", "dim"),
        (f"{event.level:<8}", STYLES[event.level]),
        f"{origin.tenant}/{origin.integration} ",
        (f"{origin.run} ", "dim"),
        event.text,
    )


def _cells(event: Event) -> list[str]:
    failure: Failure | None = getattr(event, "failure", None)
    origin = event.origin
    cells = [
        event.at.isoformat(),
        event.level,
        origin.tenant,
        origin.integration,
        origin.run,
        origin.agent or "",
        event.kind,
        failure.code if failure else "",
        event.text,
    ]
    # A spreadsheet would run what begins like a formula, and names come from other people's directories.
    return [f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell for cell in cells]


def _story(told: Story) -> Group:
    return Group(*_parts(told))


def _parts(told: Story) -> Iterator[RenderableType]:
    yield from output.titled("Stages", _stages(told))
    if told.rate is not None:
        yield Text(f"{told.rate:,.0f} records a second")
    if told.troubles:
        yield from output.titled("What failed or was skipped", Group(*_troubles(told)))


def _stages(told: Story) -> Table:
    rows = [
        [
            stage.stage,
            f"{stage.done:,}",
            f"{stage.total:,}" if stage.total is not None else "-",
            _took(stage.took),
        ]
        for stage in told.stages
    ]
    return output.table("stage", "done", "of", "took", rows=rows, numbers=["done", "of", "took"])


def _took(length: timedelta) -> str:
    return f"{length.total_seconds():.1f}s" if length < timedelta(minutes=2) else output.span(length)


def _troubles(told: Story) -> Iterator[RenderableType]:
    for trouble in told.troubles:
        more = ", ..." if trouble.records > len(trouble.names) else ""
        yield Text(f"{trouble.records:,} {trouble.entity} {trouble.outcome}: {trouble.code}", style="bold")
        yield Text(f"  {trouble.message}")
        yield Text(f"  {trouble.advice}", style="yellow")
        yield Text(f"  {', '.join(trouble.names)}{more}", style="dim")
