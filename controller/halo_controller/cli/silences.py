"""`halo-controller silences`."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from halo_controller.api.notices import NewSilence
from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.output import JsonOption
from halo_controller.notifications.nouns import Silence
from halo_shared import durations

app = typer.Typer(
    help="Silences: when nobody is told; also mutes and maintenance windows.", no_args_is_help=True
)


def span(text: str) -> timedelta:
    try:
        return durations.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


SpanOption = Annotated[
    timedelta | None,
    typer.Option(
        "--for", metavar="SPAN", parser=span, help="How long, as in 2h; until it is lifted when left out."
    ),
]
StartOption = Annotated[
    datetime | None,
    typer.Option("--from", help="When it begins, in UTC, for a maintenance window; now when left out."),
]


@app.command(
    epilog='Example: halo-controller silences add --tenant acme --for 2h --reason "directory is moved"'
)
@connected
async def add(
    client: Client,
    reason: Annotated[str, typer.Option(help="Why, for those who wonder later.")],
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant.")] = None,
    integration: Annotated[str | None, typer.Option(help="Only of integrations of this name.")] = None,
    code: Annotated[str | None, typer.Option(help="Only with this code, as SourceUnavailable.")] = None,
    incident: Annotated[str | None, typer.Option(help="Only this incident.")] = None,
    person: Annotated[str | None, typer.Option(help="Only for this person.")] = None,
    lasts: SpanOption = None,
    begins: StartOption = None,
) -> None:
    """Tell nobody of these incidents meanwhile; what is still open afterwards is told then."""
    body = NewSilence(
        tenant=tenant,
        integration=integration,
        code=code,
        incident=incident,
        person=person,
        lasts=lasts,
        starts_at=begins.replace(tzinfo=UTC) if begins else None,
        reason=reason,
    )
    silence = await client.post("/silences", Silence, body)
    until = f"until {output.stamp_ahead(silence.ends_at)}" if silence.ends_at else "until it is lifted"
    output.say(
        f"Silence {silence.id} holds {until}. Lift it with: halo-controller silences lift {silence.id}"
    )


@app.command("list", epilog="Example: halo-controller silences list")
@connected
async def every(client: Client, as_json: JsonOption = False) -> None:
    """List silences that hold, and those to come."""
    output.show(await client.get("/silences", list[Silence]), _table, as_json=as_json)


@app.command(epilog="Example: halo-controller silences lift 9be2d1c0")
@connected
async def lift(client: Client, silence: str) -> None:
    """End a silence now."""
    await client.delete(f"/silences/{silence}")
    output.say(f"Silence {silence} is lifted.")


def _table(found: Sequence[Silence]) -> Table:
    columns = ("silence", "of", "from", "until", "by", "reason")
    return output.table(*columns, rows=map(_row, found), wraps=["of", "reason"])


def _row(one: Silence) -> list[str]:
    parts = (one.tenant, one.integration, one.code, one.incident, one.person)
    return [
        one.id,
        " ".join(part for part in parts if part) or "everything",
        output.stamp(one.starts_at),
        output.stamp_ahead(one.ends_at) if one.ends_at else "lifted",
        one.by,
        one.reason,
    ]
