"""`halo-controller catalogue`."""

from collections.abc import Iterator, Sequence

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from halo_controller.catalogue import Entry
from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.output import JsonOption

app = typer.Typer(help="The catalogue: which tools can be integrated, and as what.", no_args_is_help=True)


@app.command("list", epilog="Example: halo-controller catalogue list")
@connected
async def every(client: Client, as_json: JsonOption = False) -> None:
    """List the connectors that the agents have."""
    output.show(await client.get("/catalogue", list[Entry]), _table, as_json=as_json)


@app.command(epilog="Example: halo-controller catalogue show entra-id")
@connected
async def show(client: Client, connector: str, as_json: JsonOption = False) -> None:
    """Show one connector: what it imports, what to set up in the tool, and its settings."""
    found = await client.get(f"/catalogue/{connector}", Entry)
    output.show(found, lambda entry: Group(*_report(entry)), as_json=as_json)


def _table(entries: Sequence[Entry]) -> Table:
    rows = (
        [
            entry.name,
            entry.title,
            ", ".join(entry.entities),
            ", ".join(entry.kinds),
            ", ".join(entry.groups),
        ]
        for entry in entries
    )
    columns = ("connector", "title", "imports", "runs as", "groups that have it")
    return output.table(*columns, rows=rows, wraps=columns[1:])


def _report(entry: Entry) -> Iterator[RenderableType]:
    choice = "any of them may be chosen" if entry.chooses_entities else "always all of them"
    yield output.facts(
        [
            ("connector", entry.name),
            ("title", entry.title),
            ("imports", f"{', '.join(entry.entities)} ({choice})"),
            ("runs as", ", ".join(entry.kinds)),
            ("hosted", "can be enabled now" if entry.hosted else "no hosted agent has it"),
            ("groups", ", ".join(entry.groups)),
        ]
    )
    if entry.set_up:
        steps = [Text(f"{number}. {step}") for number, step in enumerate(entry.set_up, 1)]
        yield from output.titled("What an administrator sets up in the tool", Group(*steps))
    yield from output.titled("Settings", _settings(entry))


def _settings(entry: Entry) -> Table:
    needed = entry.settings_schema.get("required", [])
    rows = (
        [name, "needed" if name in needed else "", described.get("description", "")]
        for name, described in entry.settings_schema.get("properties", {}).items()
    )
    return output.table("setting", "", "meaning", rows=rows, wraps=["meaning"])
