"""The command `halo-sandbox`: run a sandbox, and look at what one holds."""

import asyncio
import json
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import httpx
import typer
from rich.console import Console
from rich.table import Table

from halo_sandbox.schema import Document
from halo_sandbox.server import Sandbox, running
from halo_sandbox.settings import DEFAULT_PORT, RateLimit, SandboxSettings, Switches
from halo_shared.errors import SettingsInvalid

app = typer.Typer(
    help="A strict stand-in for a Halo instance.", no_args_is_help=True, pretty_exceptions_enable=False
)

DEFAULTS = SandboxSettings()


class Held(StrEnum):
    """What `show` can list."""

    USERS = "users"
    ASSETS = "assets"
    CLIENTS = "clients"
    SITES = "sites"
    ERRORS = "errors"


COLUMNS = {
    Held.USERS: ("id", "name", "emailaddress", "client_name", "site_name", "inactive"),
    Held.ASSETS: ("id", "inventory_number", "key_field", "assettype_name", "site_name", "inactive"),
    Held.CLIENTS: ("id", "name", "main_site_name", "inactive"),
    Held.SITES: ("id", "name", "client_name", "inactive"),
    Held.ERRORS: ("id", "date", "entity_type", "entity_name", "endpoint", "error"),
}


@app.command()
def serve(  # noqa: PLR0913, PLR0917  typer reads the options from the parameters
    port: Annotated[int, typer.Option(help="0 picks a free port.")] = DEFAULT_PORT,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = DEFAULTS.host,
    database: Annotated[
        str, typer.Option(help="SQLite file, or :memory: for rows that end with the process.")
    ] = DEFAULTS.database,
    tenant: Annotated[str, typer.Option(help="Tenant of a hosted Halo.")] = str(DEFAULTS.tenant),
    on_premise: Annotated[bool, typer.Option("--on-premise", help="Be a Halo without tenants.")] = False,
    client_id: Annotated[str, typer.Option()] = DEFAULTS.client_id,
    client_secret: Annotated[str, typer.Option()] = DEFAULTS.client_secret,
    limit: Annotated[
        RateLimit,
        typer.Option(parser=RateLimit.parse, metavar="N/SECONDS", help="Rolling request limit."),
    ] = "3000/300",  # type: ignore[assignment]  # typer runs the parser over the default
    seed: Annotated[Path | None, typer.Option(help="YAML file with the rows to start with.")] = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="Gets the printed line once the sandbox listens.")
    ] = None,
) -> None:
    """Run a sandbox until it is interrupted; one JSON line says where it listens."""
    settings = SandboxSettings(
        host=host,
        port=port,
        database=database,
        tenant=None if on_premise else tenant,
        client_id=client_id,
        client_secret=client_secret,
        switches=Switches(limit=limit),
        seed=seed,
    )
    try:
        asyncio.run(_serve(settings, ready_file))
    except (SettingsInvalid, OSError) as error:
        _fail(str(error))


async def _serve(settings: SandboxSettings, ready_file: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # signal.signal and not the loop's handlers: those do not exist on Windows.
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    async with running(settings) as sandbox:
        line = _announcement(sandbox)
        if ready_file:
            await asyncio.to_thread(ready_file.write_text, line + "\n", encoding="utf-8")
        typer.echo(line)
        await stop.wait()


def _announcement(sandbox: Sandbox) -> str:
    settings = sandbox.settings
    return json.dumps(
        {
            "url": sandbox.url,
            "tenant": settings.tenant,
            "client_id": settings.client_id,
            "client_secret": settings.client_secret,
        }
    )


@app.command()
def show(
    what: Annotated[Held, typer.Argument(help="Which rows.")],
    url: Annotated[str, typer.Option(help="Where the sandbox listens.")] = (
        f"http://{DEFAULTS.host}:{DEFAULT_PORT}"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
) -> None:
    """List what a running sandbox holds, inactive rows too."""
    try:
        reply = httpx.get(f"{url}/sandbox/held/{what}", timeout=30).raise_for_status()
    except httpx.HTTPError as error:
        _fail(f"{url} does not answer as a sandbox ({error}); start one with: halo-sandbox serve")
    if as_json:
        typer.echo(json.dumps(reply.json(), indent=2, ensure_ascii=False))
    else:
        Console().print(_table(what, reply.json()))


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything up at the end.")] = False,
    in_memory: Annotated[bool, typer.Option("--in-memory", help="Without a broker, in one process.")] = False,
    active_directory: Annotated[
        bool, typer.Option("--active-directory", help="People from a private Active Directory domain.")
    ] = False,
) -> None:
    """Show the product doing its main job on real input; exits with 0 when all of it was true."""
    from halo_sandbox.demo.run import demo as show  # noqa: PLC0415  the demo brings the whole product with it

    sys.exit(asyncio.run(show(keep=keep, in_memory=in_memory, active_directory=active_directory)))


def _table(what: Held, rows: list[Document]) -> Table:
    table = Table(*COLUMNS[what], title=f"{len(rows)} {what}", title_justify="left")
    for row in rows:
        table.add_row(*(str(row.get(column, "")) for column in COLUMNS[what]))
    return table


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    sys.exit(1)


def main() -> None:
    app()
