"""`halo-controller run`."""

from typing import Annotated

import typer

from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.output import JsonOption
from halo_controller.cli.references import RefArgument, path_of
from halo_controller.cli.runs import follow
from halo_controller.nouns import Run
from halo_shared.runs import Mode

app = typer.Typer(help="Run an integration.", no_args_is_help=True)


@app.command(epilog='Example: halo-controller run now acme/people --watch --reason "new starters"')
@connected
async def now(
    client: Client,
    integration: RefArgument,
    watch: Annotated[
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
    if watch:
        await follow(client, run.id, as_json=as_json)
    else:
        output.show(run, _queued, as_json=as_json)


def _queued(run: Run) -> str:
    return (
        f"Run {run.id} of {run.ref} is queued for group {run.group}. "
        f"Follow it with: halo-controller runs watch {run.id}"
    )
