"""`halo-controller events`: watching everything that is said, straight from the broker, without a controller."""

import asyncio
import logging
import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Annotated, Final

import typer
from rich.text import Text

from halo_controller.cli import output
from halo_controller.cli.connection import settings
from halo_shared import logs, schemas
from halo_shared.errors import PermissionMissing, ProtocolError, Settle
from halo_shared.messages.base import Failure
from halo_shared.messages.codec import unseal
from halo_shared.messages.events import EVENTS, Event, Level
from halo_shared.redaction import Redactor
from halo_shared.topology import EVENTS as EXCHANGE
from halo_shared.topology import Queue, monitor_queue
from halo_shared.transport import Delivery
from halo_shared.transport.consuming import settle

app = typer.Typer(help="Events: everything that is said of runs, as it is said.", no_args_is_help=True)

PREFETCH: Final = 100
PATIENCE: Final = 5.0
"""Seconds to reach the broker at the start; later outages are waited for."""

STYLES: Final = {Level.DEBUG: "dim", Level.INFO: "green", Level.WARNING: "yellow", Level.ERROR: "bold red"}


class Kind(StrEnum):
    """What an event is about."""

    STARTED = "started"
    PROGRESS = "progress"
    RECORD = "record"
    OUTCOMES = "outcomes"
    LOG = "log"
    FINISHED = "finished"
    STATUS = "status"


@app.callback()
def _events() -> None:
    """Events: everything that is said of runs, as it is said."""


@app.command(epilog="Example: halo-controller events tail --tenant acme --level warning")
def tail(
    tenant: Annotated[str, typer.Option(help="Only of this tenant.", show_default="all")] = "*",
    integration: Annotated[
        str, typer.Option(help="Only of integrations of this name.", show_default="all")
    ] = "*",
    kind: Annotated[Kind | None, typer.Option(help="Only of this kind.", show_default="all")] = None,
    level: Annotated[
        Level | None,
        typer.Option(help="This level and louder.", show_default="info; debug when a kind is named"),
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many events.")] = None,
    broker_url: Annotated[
        str | None,
        typer.Option(envvar="HALO_BROKER_URL", show_default=False, help="RabbitMQ, as amqp:// or amqps://."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Print events as they happen, through a queue of our own on the broker; Ctrl-C ends it."""
    queue = monitor_queue(
        f"monitor.{secrets.token_hex(6)}",
        tenant=tenant,
        integration=integration,
        kind=kind or "*",
        level=level or (Level.DEBUG if kind else Level.INFO),
    )
    with suppress(KeyboardInterrupt):
        asyncio.run(_tail(settings(broker_url=broker_url).broker_url, queue, count, as_json=as_json))


@app.command(epilog="Example: halo-controller events schema record")
def schema(
    kind: Annotated[Kind | None, typer.Argument(help="One kind of event; all when left out.")] = None,
) -> None:
    """Print the JSON schema of events, as it is published in the package halo-integrator-shared."""
    if kind:
        typer.echo(schemas.published(kind), nl=False)
    else:
        typer.echo(schemas.text({each.value: schemas.of_model(each) for each in Kind}), nl=False)


async def _tail(broker_url: str, queue: Queue, count: int | None, *, as_json: bool) -> None:
    from halo_shared.transport.amqp import AmqpTransport  # noqa: PLC0415  slow to import, and few commands need it

    logs.configure(Redactor(), level="warning", style="text")
    async with AmqpTransport(broker_url, name="halo-controller events tail") as transport:
        with _libraries_unheard():
            await transport.ready(PATIENCE)
        # The account of a watcher may lack the right to declare; then a controller has done it.
        with suppress(PermissionMissing):
            await transport.declare(EXCHANGE)
        async with transport.consume(queue, prefetch=PREFETCH) as deliveries:
            output.err.print(Text(f"Watching {transport.address}; Ctrl-C ends it.", style="dim"))
            shown = 0
            async for event in _understood(deliveries):
                _print(event, as_json=as_json)
                shown += 1
                if shown == count:
                    return


@contextmanager
def _libraries_unheard() -> Iterator[None]:
    """What goes wrong here is told in one sentence, and not by each of the attempts as well."""
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


async def _understood(deliveries: AsyncIterator[Delivery]) -> AsyncIterator[Event]:
    """Events; what is not understood is told and dropped: a watcher only has copies, there is nothing to bury."""
    async for delivery in deliveries:
        try:
            event = unseal(delivery.body, EVENTS)
        except ProtocolError as error:
            output.say_error(error.message)
        else:
            yield event
        await settle(delivery, Settle.DONE)


def _print(event: Event, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(event.model_dump_json() + "\n")
        sys.stdout.flush()
        return
    origin = event.origin
    output.out.print(
        Text.assemble(
            (f"{event.at:%H:%M:%S}Z ", "dim"),
            (f"{event.level:<8}", STYLES[event.level]),
            f"{origin.tenant}/{origin.integration} ",
            (f"{origin.run} ", "dim"),
            event.text,
        ),
        soft_wrap=True,
    )
    failure: Failure | None = getattr(event, "failure", None)
    if failure and failure.advice not in event.text:
        output.out.print(Text(f"{'':18}{failure.advice}", style="yellow"), soft_wrap=True)
