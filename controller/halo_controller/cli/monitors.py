"""`halo-controller monitors`."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.events import Kind
from halo_controller.cli.output import JsonOption
from halo_controller.monitors.nouns import LONGEST, Admitted, Monitor, NewMonitor
from halo_shared.messages.events import Level

app = typer.Typer(
    help="Monitors: named consumers of status events, with a queue and an account of their own.",
    no_args_is_help=True,
)


@app.command(epilog="Example: halo-controller monitors add grafana --tenant acme --level warning")
@connected
async def add(
    client: Client,
    name: str,
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant.", show_default="all")] = None,
    integration: Annotated[
        str | None, typer.Option(help="Only of integrations of this name.", show_default="all")
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only of this kind.", show_default="all")] = None,
    level: Annotated[Level, typer.Option(help="This level and louder.")] = Level.INFO,
    longest: Annotated[int, typer.Option(min=1, help="Events that wait at the most.")] = LONGEST,
    as_json: JsonOption = False,
) -> None:
    """Give somebody a durable queue of events, and an account that may read it and nothing else."""
    wanted = NewMonitor(
        name=name, tenant=tenant, integration=integration, kind=kind, level=level, longest=longest
    )
    output.show(await client.post("/monitors", Admitted, wanted), _admitted, as_json=as_json)
    output.say_note(
        "The password in the URL is shown this once; remove the monitor and add it again for another."
    )


@app.command("list", epilog="Example: halo-controller monitors list")
@connected
async def every(client: Client, as_json: JsonOption = False) -> None:
    """List monitors: what waits for each, and how much a slow one has missed."""
    output.show(await client.get("/monitors", list[Monitor]), _table, as_json=as_json)


@app.command(epilog="Example: halo-controller monitors remove grafana")
@connected
async def remove(client: Client, name: str) -> None:
    """End a monitor's queue and account."""
    await client.delete(f"/monitors/{name}")
    output.say(f"Monitor '{name}' removed.")


def _admitted(one: Admitted) -> Table:
    return output.facts(
        [("monitor", one.name), ("queue", one.queue), ("hears", "\n".join(one.keys)), ("connect to", one.url)]
    )


def _table(found: Sequence[Monitor]) -> Table:
    columns = ("monitor", "hears", "listening", "waiting", "at most", "dropped")
    numbers = ["listening", "waiting", "at most", "dropped"]
    return output.table(*columns, rows=map(_row, found), numbers=numbers, wraps=["hears"])


def _row(one: Monitor) -> list[str]:
    return [
        one.name,
        " ".join(one.keys),
        str(one.consumers),
        f"{one.waiting:,}",
        f"{one.longest:,}" if one.longest else "-",
        f"{one.dropped:,}",
    ]
