"""`halo-controller integrator`: the three pages that Halo shows of its integrator."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from halo_controller.api.pages import ActiveRow, LogRow, ScheduleRow
from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.output import JsonOption
from halo_shared.runs import Tally

app = typer.Typer(
    help="The Halo Integrator's pages: what is active, when it runs, what ran.", no_args_is_help=True
)

TenantOption = Annotated[str | None, typer.Option(help="Only this tenant's.")]


@app.command(epilog="Example: halo-controller integrator active --tenant acme --all")
@connected
async def active(
    client: Client,
    tenant: TenantOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Local and database integrators as well.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Active integrations: what the hosted integrator imports, its last sync and its last error."""
    found = await client.get(
        "/integrator/active", list[ActiveRow], tenant=tenant, all="true" if everything else None
    )
    output.show(found, _active, as_json=as_json)


@app.command(epilog="Example: halo-controller integrator schedule --tenant acme")
@connected
async def schedule(client: Client, tenant: TenantOption = None, as_json: JsonOption = False) -> None:
    """Hosted integrator schedule: when each integration is due next, and why then."""
    found = await client.get("/integrator/schedule", list[ScheduleRow], tenant=tenant)
    output.show(found, _schedule, as_json=as_json)


@app.command(epilog="Example: halo-controller integrator log --tenant acme -n 20")
@connected
async def log(
    client: Client,
    tenant: TenantOption = None,
    integration: Annotated[str | None, typer.Option(help="Only of integrations of this name.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="At most so many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Integrator log: each run, newest first; open one with `halo-controller log story RUN`."""
    found = await client.get(
        "/integrator/log", list[LogRow], tenant=tenant, integration=integration, limit=limit
    )
    output.show(found, _log, as_json=as_json)


def _active(found: Sequence[ActiveRow]) -> Table:
    rows: list[list[str | Text]] = [
        [
            f"{row.tenant}/{row.integration}",
            row.integrator,
            ", ".join(row.entities),
            output.ago(row.last_sync),
            _next(row),
            Text(row.last_error or "-", style="red" if row.last_error else ""),
        ]
        for row in found
    ]
    columns = ("integration", "kind", "imports", "last sync", "next", "last error")
    return output.table(*columns, rows=rows, wraps=["integration", "imports", "next", "last error"])


def _next(row: ActiveRow) -> str | Text:
    if row.paused:
        return output.word("paused")
    if row.next.at:
        return output.ahead(row.next.at)
    return "now" if row.next.due else row.next.reason


def _schedule(found: Sequence[ScheduleRow]) -> Table:
    rows = (
        [
            f"{row.tenant}/{row.integration}",
            row.size if row.override is None else "set by hand",
            output.stamp_ahead(row.at) if row.at else row.obstacle or "now",
            row.because,
        ]
        for row in found
    )
    columns = ("integration", "class", "next due", "why then")
    return output.table(*columns, rows=rows, wraps=["integration", "next due", "why then"])


def _log(found: Sequence[LogRow]) -> Table:
    rows: list[list[str | Text]] = [
        [
            row.run,
            f"{row.tenant}/{row.integration}",
            row.integrator,
            output.ago(row.began_at),
            output.span(row.took) if row.took is not None else "-",
            output.word(row.status),
            _result(row),
        ]
        for row in found
    ]
    columns = ("run", "integration", "kind", "began", "took", "", "result")
    return output.table(*columns, rows=rows, wraps=["integration", "result"])


def _result(row: LogRow) -> str | Text:
    if row.error:
        return Text(row.error, style="red")
    total = sum(row.counts.values(), Tally())
    return f"{total.created:,} created, {total.updated:,} updated, {total.retired:,} retired of {total.read:,} read"
