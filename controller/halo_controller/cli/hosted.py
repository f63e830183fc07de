"""`halo-controller hosted`, and what `integrations enable` says to the hosted integrator."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from halo_controller.api.models import Enabling, IntegrationView
from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.output import JsonOption
from halo_controller.cli.references import RefArgument, path_of_hosted
from halo_controller.cli.silences import span
from halo_controller.errors import Invalid
from halo_controller.hosting.nouns import Classes
from halo_shared import durations, files
from halo_shared.entities import EntityKind

app = typer.Typer(help="The hosted integrator, for its host: when integrations run.", no_args_is_help=True)


EntitiesOption = Annotated[
    str | None,
    typer.Option(metavar="A,B", help="What is imported, as in users,assets; all when left out."),
]


def chosen(connector: str, entities: str | None, file: Path | None) -> Enabling:
    """What a tenant chooses of a hosted connector; raises Invalid, or SettingsInvalid naming line and key of a wrong file."""
    said = files.load(file, Enabling) if file else Enabling()
    named = _entities(entities) if entities is not None else said.entities
    return said.model_copy(update={"connector": connector, "entities": named})


def _entities(text: str) -> tuple[EntityKind, ...]:
    try:
        return tuple(EntityKind(word.strip()) for word in text.split(","))
    except ValueError as error:
        raise Invalid(f"--entities: {error}. The entities are: {', '.join(EntityKind)}.") from error


@app.command(epilog="Example: halo-controller hosted classes --json")
@connected
async def classes(client: Client, as_json: JsonOption = False) -> None:
    """Show how integrations are let run: small ones through the day, large ones out of hours."""
    output.show(await client.get("/hosted/classes", Classes), _facts, as_json=as_json)


@app.command(epilog="Example: halo-controller hosted change --every 15m --long 20m --many 50000")
@connected
async def change(
    client: Client,
    every: Annotated[
        timedelta | None, typer.Option(metavar="SPAN", parser=span, help="How often a small one runs.")
    ] = None,
    long: Annotated[
        timedelta | None, typer.Option(metavar="SPAN", parser=span, help="A run that takes longer is large.")
    ] = None,
    many: Annotated[int | None, typer.Option(min=1, help="A run that reads more records is large.")] = None,
    runs_at_once: Annotated[
        int | None, typer.Option(min=1, help="How many runs of one tenant may be in line or at work.")
    ] = None,
) -> None:
    """Change how integrations are let run; what is left out stays."""
    before = await client.get("/hosted/classes", Classes)
    given = {"every": every, "long": long, "many": many, "runs_at_once": runs_at_once}
    wanted = before.model_dump() | {name: value for name, value in given.items() if value is not None}
    after = await client.put("/hosted/classes", Classes, Classes.model_validate(wanted))
    output.show(after, _facts, as_json=False)


@app.command(
    epilog='Example: halo-controller hosted override acme/entra-id --cron "0 3 * * *" --reason "backup until two"'
)
@connected
async def override(
    client: Client,
    integration: RefArgument,
    reason: Annotated[str, typer.Option(help="Why, for those who read it later.")],
    every: Annotated[
        timedelta | None, typer.Option(metavar="SPAN", parser=span, help="At this interval.")
    ] = None,
    cron: Annotated[str | None, typer.Option(help="By this cron line, in the tenant's zone.")] = None,
    rrule: Annotated[str | None, typer.Option(help="By this calendar rule (RFC 5545).")] = None,
) -> None:
    """Give one hosted integration a time of its own, until it is given back that of its class."""
    body = {"every": every, "cron": cron, "rrule": rrule}
    given = {name: value for name, value in body.items() if value is not None}
    view = await client.put(
        f"{path_of_hosted(integration)}/time", IntegrationView, given | {"reason": reason}
    )
    output.say(f"Integration '{integration}': {view.next.reason}.")


@app.command(epilog="Example: halo-controller hosted restore acme/entra-id")
@connected
async def restore(client: Client, integration: RefArgument) -> None:
    """Give one hosted integration back the time of its class."""
    await client.delete(f"{path_of_hosted(integration)}/time")
    output.say(f"Integration '{integration}' runs by its size again.")


def _facts(now: Classes) -> Table:
    return output.facts(
        [
            ("small", f"every {durations.text(now.every)}, through the day"),
            ("large", "once a day, in the hours that its tenant calls out of hours"),
            (
                "is large",
                f"what takes longer than {durations.text(now.long)} or reads more than {now.many:,} records",
            ),
            ("at once", f"{now.runs_at_once} runs of one tenant; its others wait for their turn"),
        ]
    )
