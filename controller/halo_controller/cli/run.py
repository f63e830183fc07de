"""`halo-controller run`."""

from pathlib import Path
from typing import Annotated

import typer

from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.output import JsonOption
from halo_controller.cli.previewing import save, show_preview
from halo_controller.cli.references import RefArgument, path_of
from halo_controller.cli.runs import follow
from halo_controller.cli.watching import watch
from halo_controller.nouns import Run
from halo_shared.runs import Mode, RunStatus

app = typer.Typer(help="Run an integration.", no_args_is_help=True)


@app.command(epilog='Example: halo-controller run now acme/people --watch --reason "new starters"')
@connected
async def now(
    client: Client,
    integration: RefArgument,
    follow_it: Annotated[
        bool, typer.Option("--watch", help="Follow it to its end; 0 only if it succeeded.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why, for those who read it later.")] = "",
    full: Annotated[bool, typer.Option("--full", help="Read everything, not only what changed.")] = False,
    reconcile: Annotated[
        bool, typer.Option("--reconcile", help="Read everything and compare it with Halo anew.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run an integration now, whatever its schedule says."""
    mode = Mode.RECONCILE if reconcile else Mode.FULL if full else None
    run = await client.post(f"{path_of(integration)}/run", Run, {"reason": reason, "mode": mode})
    if follow_it:
        await follow(client, run.id, as_json=as_json)
    else:
        output.show(run, _queued, as_json=as_json)


@app.command(epilog="Example: halo-controller run preview acme/people --csv plan.csv")
@connected
async def preview(
    client: Client,
    integration: RefArgument,
    csv: Annotated[Path | None, typer.Option(help="Write the full difference into this file.")] = None,
    most: Annotated[int, typer.Option("--limit", min=1, help="Show at most so many records.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """Show what a run would do, worked out by its agent. Nothing is written."""
    run = await client.post(f"{path_of(integration)}/run/preview", Run)
    ended = await watch(client, run.id)
    if csv is not None:
        await save(client, ended, csv)
    await show_preview(client, ended, most, as_json=as_json)
    if ended.status is not RunStatus.SUCCEEDED:
        raise typer.Exit(1)


def _queued(run: Run) -> str:
    return (
        f"Run {run.id} of {run.ref} is queued for group {run.group}. "
        f"Follow it with: halo-controller runs watch {run.id}"
    )
