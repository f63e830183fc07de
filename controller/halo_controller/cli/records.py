"""`halo-controller records`."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import RenderableType

from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.output import JsonOption
from halo_controller.cli.record_report import record_report, records_table
from halo_controller.cli.references import RefArgument, path_of
from halo_controller.cli.tracing import say_end, trace
from halo_controller.nouns import Record, Run
from halo_shared.runs import RunStatus

app = typer.Typer(help="Records: what became of a single one, and why.", no_args_is_help=True)


@app.command(epilog="Example: halo-controller records find jane@acme.example")
@connected
async def find(
    client: Client,
    key: Annotated[
        str,
        typer.Argument(help="Its id at the source, its name, its Halo id, its e-mail, its serial number ..."),
    ],
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="At most so many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Find what became of a record, newest first. Tenants choose what is kept with `record_history`."""
    found = await client.get("/records", list[Record], key=key, tenant=tenant, limit=limit)
    output.show(found, lambda records: _found(key, records), as_json=as_json)


@app.command(epilog="Example: halo-controller records show 4711")
@connected
async def show(
    client: Client,
    record: Annotated[int, typer.Argument(help="Its number, as `records find` shows it.")],
    as_json: JsonOption = False,
) -> None:
    """Show what became of a record: how it was recognised and placed, and each field before and after."""
    found = await client.get(f"/records/{record}", Record)
    output.show(found, record_report, as_json=as_json)


@app.command(epilog="Example: halo-controller records sync acme/people jane@acme.example")
@connected
async def sync(
    client: Client,
    integration: RefArgument,
    key: Annotated[
        str, typer.Argument(help="Its id at the source, its name, or a value that recognises it.")
    ],
) -> None:
    """Sync this one record now, and tell each step as it happens; 0 only if it succeeded."""
    opened = await client.post(f"{path_of(integration)}/run/one", Run, {"key": key})
    output.say(f"Run {opened.id} is queued for group {opened.group}.", style="dim")
    run = await trace(client, opened.id)
    told = await client.get(f"/runs/{run.id}/records", list[Record], limit=10)
    say_end(run, told)
    if run.status is not RunStatus.SUCCEEDED:
        raise typer.Exit(1)


def _found(key: str, records: Sequence[Record]) -> RenderableType:
    if records:
        return records_table(records)
    return (
        f"Nothing is kept of '{key}'. Kept is what each tenant chose with record_history (failures, if it did not "
        "choose), as long as it chose with records_kept; a record that was never touched leaves no trace."
    )
