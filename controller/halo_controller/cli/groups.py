"""`halo-controller groups`."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from halo_controller.api.models import AddedGroup
from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.output import JsonOption
from halo_controller.nouns import Group
from halo_shared.integrators import Integrator

app = typer.Typer(help="Groups: agents that compete for the same work.", no_args_is_help=True)


@app.command(epilog='Example: halo-controller groups add acme-london --tenant acme --title "Acme, London"')
@connected
async def add(
    client: Client,
    name: str,
    title: Annotated[str, typer.Option(help="What people call it.")] = "",
    kind: Annotated[
        Integrator | None,
        typer.Option(help="What its agents are; the group 'hosted' is hosted, others are local."),
    ] = None,
    tenant: Annotated[
        str | None, typer.Option(help="On whose network they are: other tenants may not use them then.")
    ] = None,
) -> None:
    """Add a group, and its queue on the broker."""
    body = {"name": name, "title": title, "kind": kind, "tenant": tenant}
    group = await client.post("/groups", AddedGroup, body)
    output.say(f"Group '{group.name}' of {group.kind} integrators added.")
    output.say_note(group.note)


@app.command("list", epilog="Example: halo-controller groups list")
@connected
async def every(client: Client, as_json: JsonOption = False) -> None:
    """List all groups."""
    output.show(await client.get("/groups", list[Group]), _table, as_json=as_json)


def _table(groups: Sequence[Group]) -> Table:
    rows = (
        [one.name, one.title or "-", one.kind, one.tenant or "every", output.ago(one.created_at)]
        for one in groups
    )
    return output.table("group", "title", "kind", "tenant", "added", rows=rows, wraps=["title"])
