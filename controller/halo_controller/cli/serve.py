"""`halo-controller serve`."""

from pathlib import Path
from typing import Annotated

import typer

from halo_controller.cli.connection import settings


def serve(
    data: Annotated[
        Path | None,
        typer.Option(show_default=False, help="Where the database and the operator's token are kept."),
    ] = None,
    host: Annotated[str | None, typer.Option(show_default="127.0.0.1", help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, show_default="8420", help="0 takes any free port.")
    ] = None,
    broker_url: Annotated[
        str | None,
        typer.Option(show_default=False, help="RabbitMQ, as amqp:// or amqps://; also HALO_BROKER_URL."),
    ] = None,
) -> None:
    """Run the controller until it is told to stop (Ctrl-C, SIGTERM).

    Each option may be given as HALO_CONTROLLER_<NAME> instead; so may LOG_LEVEL and LOG_FORMAT.

    One controller keeps its database in a file. To run several, give all of them the same PostgreSQL as
    HALO_CONTROLLER_DATABASE_URL: one leads, and another takes over within 10 seconds when it is gone.
    """
    from halo_controller.cli import serving  # noqa: PLC0415  seconds of imports that no other command needs

    serving.run(settings(data=data, host=host, port=port, broker_url=broker_url))
