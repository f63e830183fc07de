"""`halo-controller runs`."""

from typing import Annotated, Final

import typer

from halo_controller.api.models import RunView
from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.output import JsonOption
from halo_controller.cli.references import RunArgument
from halo_controller.cli.run_report import report, runs_list
from halo_controller.cli.watching import watch as watch_run
from halo_controller.nouns import Record, Run
from halo_shared.messages.events import Event, Level
from halo_shared.runs import RunStatus

app = typer.Typer(help="Runs: what happened, what happens, and your say in it.", no_args_is_help=True)

FAILURES_SHOWN: Final = 20
ALL_FAILURES: Final = 10_000


@app.command("list", epilog="Example: halo-controller runs list --tenant acme --status held")
@connected
async def every(
    client: Client,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    integration: Annotated[str | None, typer.Option(help="Only of integrations of this name.")] = None,
    status: Annotated[RunStatus | None, typer.Option(help="Only with this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List the latest runs, newest first."""
    runs = await client.get(
        "/runs", list[Run], tenant=tenant, integration=integration, status=status, limit=limit
    )
    output.show(runs, runs_list, as_json=as_json)


@app.command(epilog="Example: halo-controller runs show 3fa9")
@connected
async def show(
    client: Client,
    run: RunArgument,
    everything: Annotated[
        bool, typer.Option("--all", help="Every failed record, not only the first.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show one run: what changed, what failed and why, and what waits for approval."""
    found = await client.get(f"/runs/{run}", RunView)
    await _show(client, found, most=ALL_FAILURES if everything else FAILURES_SHOWN, as_json=as_json)


@app.command(epilog="Example: halo-controller runs watch 3fa9")
@connected
async def watch(client: Client, run: RunArgument, as_json: JsonOption = False) -> None:
    """Follow a run to its end; the exit code is 0 only if it succeeded."""
    await follow(client, run, as_json=as_json)


@app.command(epilog='Example: halo-controller runs cancel 3fa9 --reason "wrong file"')
@connected
async def cancel(
    client: Client,
    run: RunArgument,
    reason: Annotated[str, typer.Option(help="Why, for those who read it later.")] = "",
) -> None:
    """Cancel a run: one that waits ends at once, one that runs is stopped by its agent."""
    found = await client.post(f"/runs/{run}/cancel", RunView, {"reason": reason})
    if found.status.ended:
        output.say(f"Run {found.id} is cancelled.")
    else:
        output.say(f"Agent {found.agent} was asked to stop run {found.id}.")


@app.command(epilog="Example: halo-controller runs approve 3fa9 --up-to 250")
@connected
async def approve(
    client: Client,
    run: RunArgument,
    up_to: Annotated[
        int | None,
        typer.Option(min=1, help="At most so many records of each kind; all that was found when left out."),
    ] = None,
) -> None:
    """Approve a held run: it reads and plans anew, and may do no more than this, once."""
    found = await client.post(f"/runs/{run}/approve", RunView, {"up_to": up_to})
    allowed = ", ".join(f"{one.action} up to {one.up_to:,} {one.entity}" for one in found.approved)
    output.say(f"Run {found.id} is approved ({allowed}) and queued again.")


@app.command(epilog="Example: halo-controller runs reject 3fa9")
@connected
async def reject(client: Client, run: RunArgument) -> None:
    """Reject a held run: it ends, and nothing is written."""
    found = await client.post(f"/runs/{run}/reject", RunView)
    output.say(f"Run {found.id} is rejected; nothing was written.")


async def follow(client: Client, run_id: str, *, as_json: bool) -> None:
    """Follow a run, show its end, and leave with 1 unless it succeeded."""
    run = await watch_run(client, run_id)
    await _show(client, run, most=FAILURES_SHOWN, as_json=as_json)
    if run.status is not RunStatus.SUCCEEDED:
        raise typer.Exit(1)


async def _show(client: Client, run: RunView, *, most: int, as_json: bool) -> None:
    events = (
        []
        if as_json
        else await client.get(f"/runs/{run.id}/events", list[Event], level=Level.WARNING, limit=ALL_FAILURES)
    )
    held = run.status is RunStatus.HELD and not as_json
    sample = await client.get(f"/runs/{run.id}/records", list[Record], limit=ALL_FAILURES) if held else []
    output.show(run, lambda view: report(view, events, most, sample), as_json=as_json)
