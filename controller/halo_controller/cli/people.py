"""`halo-controller people`."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.output import JsonOption
from halo_controller.notifications.nouns import Notification
from halo_controller.notifications.people import Person, Preference
from halo_shared import durations, files

app = typer.Typer(help="People: who is told of incidents, and how each wants it.", no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(help="A person file (YAML).")]


@app.command(epilog="Example: halo-controller people add jane.yaml")
@connected
async def add(client: Client, file: FileArgument) -> None:
    """Add a person from their file."""
    person = await client.post("/people", Person, files.load(file, Person))
    output.say(f"Person '{person.name}' added; try it with: halo-controller notifications test {person.name}")


@app.command(epilog="Example: halo-controller people update jane.yaml")
@connected
async def update(client: Client, file: FileArgument) -> None:
    """Replace a person's wishes by their file."""
    spec = files.load(file, Person)
    await client.put(f"/people/{spec.name}", Person, spec)
    output.say(f"Person '{spec.name}' updated.")


@app.command("list", epilog="Example: halo-controller people list --tenant acme")
@connected
async def every(
    client: Client,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List who is told of incidents."""
    output.show(await client.get("/people", list[Person], tenant=tenant), _table, as_json=as_json)


@app.command(epilog="Example: halo-controller people show jane")
@connected
async def show(client: Client, person: str, as_json: JsonOption = False) -> None:
    """Show one person, what they want to hear, and which of their addresses sent a message back lately."""
    known = await client.get(f"/people/{person}", Person)
    bounces = await client.get(f"/people/{person}/bounces", list[Notification])
    output.show(known, partial(_facts, bounces=bounces), as_json=as_json)


@app.command(epilog="Example: halo-controller people remove jane")
@connected
async def remove(client: Client, person: str) -> None:
    """Tell this person nothing more."""
    await client.delete(f"/people/{person}")
    output.say(f"Person '{person}' removed.")


def _table(people: Sequence[Person]) -> Table:
    rows = ([one.name, one.title or "-", one.tenant or "all", _channels(one)] for one in people)
    return output.table("person", "name", "tenant", "through", rows=rows, wraps=["name", "through"])


def _facts(one: Person, bounces: Sequence[Notification]) -> Table:
    quiet = one.quiet
    return output.facts(
        [
            ("person", one.name),
            ("name", one.title or "-"),
            ("tenant", one.tenant or "all: an operator"),
            ("through", _channels(one)),
            *(("came back", _bounce(bounce)) for bounce in bounces),
            ("incoming errors", _wish(one.incoming)),
            ("outgoing errors", _wish(one.outgoing)),
            ("operation", _wish(one.operation)),
            ("time zone", one.zone),
            ("quiet hours", f"{quiet.start:%H:%M} to {quiet.end:%H:%M}" if quiet else "none"),
            ("daily message", f"{one.digest_at:%H:%M}"),
            ("at most", f"{one.at_most} messages an hour"),
        ]
    )


def _channels(one: Person) -> str:
    return ", ".join(f"{channel.kind} {channel.label}" for channel in one.channels)


def _bounce(one: Notification) -> Text:
    return Text(f"{output.ago(one.bounced_at)}, message {one.id}: {one.result}", style="red")


def _wish(wish: Preference) -> str:
    if wish.pace == "never":
        return "never"
    narrow = [*wish.integrations, *wish.integrators]
    return ", ".join(
        [
            wish.pace,
            f"{wish.level} and louder",
            *([f"only {' '.join(narrow)}"] if narrow else []),
            *([f"after {wish.after_failures} failures"] if wish.after_failures > 1 else []),
            "and when it is over" if wish.recovery else "not when it is over",
            f"reminded after {durations.text(wish.reminder)}" if wish.reminder else "not reminded",
        ]
    )
