"""`halo-controller incidents`."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from halo_controller.api.notices import Hearing, IncidentDetail, IncidentView
from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.output import JsonOption

app = typer.Typer(help="Incidents: what is wrong, once per cause, until it recovers.", no_args_is_help=True)

IncidentArgument = Annotated[
    str,
    typer.Argument(metavar="INCIDENT", help="The incident's id, or its first digits.", show_default=False),
]


@app.command("list", epilog="Example: halo-controller incidents list --tenant acme")
@connected
async def every(
    client: Client,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    integration: Annotated[str | None, typer.Option(help="Only of integrations of this name.")] = None,
    recovered: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List what is wrong now, the latest first."""
    found = await client.get(
        "/incidents",
        list[IncidentView],
        tenant=tenant,
        integration=integration,
        recovered=str(recovered).lower(),
        limit=limit,
    )
    if not found and not as_json:
        output.say("Nothing is wrong.", style="green")
        return
    output.show(found, _table, as_json=as_json)


@app.command(epilog="Example: halo-controller incidents show 5d21")
@connected
async def show(client: Client, incident: IncidentArgument, as_json: JsonOption = False) -> None:
    """Show one incident: what to do, and who hears of it, or why not."""
    output.show(await client.get(f"/incidents/{incident}", IncidentDetail), _report, as_json=as_json)


@app.command(epilog="Example: halo-controller incidents acknowledge 5d21")
@connected
async def acknowledge(client: Client, incident: IncidentArgument) -> None:
    """Say that you take care of it: nobody is reminded any more, and its recovery is still told."""
    found = await client.post(f"/incidents/{incident}/acknowledge", IncidentView)
    output.say(f"Incident {found.id} is acknowledged: {found.title}.")


def _table(found: Sequence[IncidentView]) -> Table:
    columns = ("incident", "state", "since", "errors", "runs", "what")
    return output.table(*columns, rows=map(_row, found), numbers=["errors", "runs"], wraps=["what"])


def _row(one: IncidentView) -> list[str | Text]:
    return [
        one.id,
        output.word(one.state),
        output.ago(one.opened_at),
        f"{one.errors:,}",
        f"{one.failures:,}",
        one.title,
    ]


def _report(one: IncidentDetail) -> RenderableType:
    return Group(*_parts(one))


def _parts(one: IncidentDetail) -> Iterator[RenderableType]:
    yield Text(one.title, style="bold")
    yield Text(one.message)
    yield Text(one.advice, style="yellow")
    yield output.facts(
        [
            ("incident", one.id),
            ("state", output.word(one.state)),
            ("level", one.level),
            ("opened", output.stamp(one.opened_at)),
            ("last seen", output.stamp(one.seen_at)),
            ("seen", f"{one.errors:,} times, in {one.failures:,} runs"),
            ("as with", ", ".join(one.examples) or "-"),
            ("run", one.run or "-"),
            ("agent", one.agent or "-"),
            (
                "acknowledged",
                f"{output.stamp(one.acknowledged_at)} by {one.acknowledged_by}"
                if one.acknowledged_at
                else "-",
            ),
            ("recovered", output.stamp(one.recovered_at)),
            ("because", one.recovery or "-"),
        ]
    )
    table = output.table("person", "verdict", "why", rows=map(_hearing, one.heard_by), wraps=["why"])
    yield from output.titled("Who hears of it now", table)


def _hearing(hearing: Hearing) -> list[str | Text]:
    return [hearing.person, output.word(hearing.verdict), hearing.reason]
