"""`halo-controller tokens`."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from halo_controller.access.roles import Role
from halo_controller.access.tokens import MadeToken, Token
from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.output import JsonOption
from halo_controller.cli.silences import span
from halo_shared import durations

app = typer.Typer(help="Tokens: who may do what, for which tenants, until when.", no_args_is_help=True)

RoleOption = Annotated[
    Role,
    typer.Option(
        help="A reader looks, an administrator does all, each for its tenants; an observer looks at everything, "
        "an operator does everything."
    ),
]


@app.command(
    epilog="Example: halo-controller tokens add acme-dashboard --role reader --tenant acme --expires 90d"
)
@connected
async def add(
    client: Client,
    name: str,
    role: RoleOption,
    tenant: Annotated[
        list[str] | None, typer.Option(help="Whose things it is for; may be given several times.")
    ] = None,
    expires: Annotated[
        timedelta | None,
        typer.Option(
            metavar="SPAN", parser=span, help="After how long it ends, as in 90d; never if left out."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token. It is printed this once: only its digest is kept."""
    body = {
        "name": name,
        "role": role,
        "tenants": tenant or [],
        "lasts": durations.text(expires) if expires else None,
    }
    made = await client.post("/tokens", MadeToken, body)
    if as_json:
        output.show(made, lambda one: one.token, as_json=True)
        return
    output.say_note(_introduced(made))
    output.say(made.token)


@app.command("list", epilog="Example: halo-controller tokens list")
@connected
async def every(client: Client, as_json: JsonOption = False) -> None:
    """List tokens, without themselves."""
    output.show(await client.get("/tokens", list[Token]), _table, as_json=as_json)


@app.command(epilog="Example: halo-controller tokens revoke acme-dashboard")
@connected
async def revoke(client: Client, name: str) -> None:
    """End a token: it lets nobody in from the next request on."""
    await client.delete(f"/tokens/{name}")
    output.say(f"Token '{name}' is revoked.")


def _introduced(made: MadeToken) -> str:
    ends = f"ends {output.stamp_ahead(made.expires_at)}" if made.expires_at else "does not end"
    return (
        f"Token '{made.name}' lets in as {made.bearer.described} and {ends}. It is shown this once; give it to "
        "commands with --token or HALO_CONTROLLER_TOKEN."
    )


def _table(found: Sequence[Token]) -> Table:
    columns = ("token", "role", "tenants", "added", "last used", "ends")
    return output.table(*columns, rows=map(_row, found), wraps=["tenants"])


def _row(one: Token) -> list[str]:
    return [
        one.name,
        one.role,
        ", ".join(one.tenants) or "all",
        output.ago(one.created_at),
        output.ago(one.used_at),
        _end(one),
    ]


def _end(one: Token) -> str:
    if one.expires_at is None:
        return "never"
    return (
        output.stamp(one.expires_at)
        if one.expired(output.CLOCK.now())
        else output.stamp_ahead(one.expires_at)
    )
