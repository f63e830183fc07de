"""`halo-controller notifications`."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.output import JsonOption
from halo_controller.notifications.letters import letter
from halo_controller.notifications.nouns import Notification, NotificationState

app = typer.Typer(help="Notifications: what was sent to whom, and what became of it.", no_args_is_help=True)

PATIENCE: Final = 30.0
"""Seconds to wait for the result of a trial."""
POLL: Final = 0.3


@app.command("list", epilog="Example: halo-controller notifications list --person jane --state refused")
@connected
async def every(
    client: Client,
    person: Annotated[str | None, typer.Option(help="Only to this person.")] = None,
    state: Annotated[NotificationState | None, typer.Option(help="Only in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List the latest messages, newest first."""
    found = await client.get("/notifications", list[Notification], person=person, state=state, limit=limit)
    output.show(found, _table, as_json=as_json)


@app.command(epilog="Example: halo-controller notifications show 77aa01bc")
@connected
async def show(client: Client, notification: str, as_json: JsonOption = False) -> None:
    """Show one message: why it was sent, and what the other side said."""
    output.show(await client.get(f"/notifications/{notification}", Notification), _facts, as_json=as_json)


@app.command("test", epilog="Example: halo-controller notifications test jane")
@connected
async def try_out(client: Client, person: str, as_json: JsonOption = False) -> None:
    """Send a real message to a person, and wait for what becomes of it; the exit code is 0 only if it was taken."""
    written = await client.post(f"/people/{person}/trial", list[Notification])
    ended = await asyncio.gather(*(_followed(client, one) for one in written))
    output.show(list(ended), _table, as_json=as_json)
    if any(one.state is not NotificationState.SENT for one in ended):
        sys.exit(1)


async def _followed(client: Client, one: Notification) -> Notification:
    """The message once it was tried."""
    until = output.CLOCK.monotonic() + PATIENCE
    while one.attempts == 0 and output.CLOCK.monotonic() < until:
        await output.CLOCK.sleep(POLL)
        one = await client.get(f"/notifications/{one.id}", Notification)
    return one


def _table(found: Sequence[Notification]) -> Table:
    columns = ("message", "to", "through", "state", "written", "subject", "result")
    return output.table(*columns, rows=map(_row, found), wraps=["through", "subject", "result"])


def _row(one: Notification) -> list[str | Text]:
    return [
        one.id,
        one.person,
        f"{one.channel.kind} {one.channel.label}",
        output.word(one.state),
        output.ago(one.created_at),
        letter(one).subject,
        one.result or "-",
    ]


def _facts(one: Notification) -> Table:
    return output.facts(
        [
            ("message", one.id),
            ("to", one.person),
            ("through", f"{one.channel.kind} {one.channel.label}"),
            ("subject", letter(one).subject),
            ("because", one.reason),
            ("state", output.word(one.state)),
            ("written", output.stamp(one.created_at)),
            ("sent", output.stamp(one.sent_at)),
            *([("came back", output.stamp(one.bounced_at))] if one.bounced_at else []),
            ("attempts", str(one.attempts)),
            (
                "next attempt",
                output.stamp_ahead(one.next_at) if one.state is NotificationState.WAITING else "-",
            ),
            ("result", one.result or "-"),
        ]
    )
