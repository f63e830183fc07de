"""`halo-controller tenants`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from halo_controller.cli import output
from halo_controller.cli.check_report import tell
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.output import JsonOption
from halo_controller.errors import Conflict
from halo_controller.nouns import HaloCheck, Tenant
from halo_shared import files
from halo_shared.integrations import TenantSpec

app = typer.Typer(help="Tenants: the Halo instances that are kept in step.", no_args_is_help=True)


FileArgument = Annotated[Path, typer.Argument(help="A tenant file (YAML).")]


@app.command(epilog="Example: halo-controller tenants add acme.yaml")
@connected
async def add(client: Client, file: FileArgument) -> None:
    """Add a tenant from its file."""
    spec = files.load(file, TenantSpec)
    await client.post("/tenants", Tenant, spec)
    output.say(f"Tenant '{spec.name}' added.")
    try:
        found = await client.post(f"/tenants/{spec.name}/check", HaloCheck)
    except Conflict as error:
        output.say_note(error.message)
    else:
        tell(found, as_json=False)


@app.command(epilog="Example: halo-controller tenants check acme --group acme-london")
@connected
async def check(
    client: Client,
    tenant: str,
    group: Annotated[
        str | None, typer.Option(help="Whose agent tries it; any that works for the tenant when left out.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Let an agent enter a tenant's Halo and tell what it may do there; nothing is written."""
    query = f"?group={group}" if group else ""
    tell(await client.post(f"/tenants/{tenant}/check{query}", HaloCheck), as_json=as_json)


@app.command(epilog="Example: halo-controller tenants update acme.yaml")
@connected
async def update(client: Client, file: FileArgument) -> None:
    """Replace a tenant's definition by its file."""
    spec = files.load(file, TenantSpec)
    await client.put(f"/tenants/{spec.name}", Tenant, spec)
    output.say(f"Tenant '{spec.name}' updated; the next run of each of its integrations reads everything.")


@app.command("list", epilog="Example: halo-controller tenants list --json")
@connected
async def every(client: Client, as_json: JsonOption = False) -> None:
    """List all tenants."""
    output.show(await client.get("/tenants", list[Tenant]), _table, as_json=as_json)


@app.command(epilog="Example: halo-controller tenants show acme")
@connected
async def show(client: Client, tenant: str, as_json: JsonOption = False) -> None:
    """Show one tenant: how its Halo is reached and entered."""
    output.show(await client.get(f"/tenants/{tenant}", Tenant), _facts, as_json=as_json)


def _table(tenants: Sequence[Tenant]) -> Table:
    rows = (
        [one.spec.name, one.spec.title or "-", one.spec.halo.kind, str(one.spec.halo.url)] for one in tenants
    )
    return output.table("tenant", "title", "kind", "Halo", rows=rows, wraps=["title", "Halo"])


def _facts(tenant: Tenant) -> Table:
    halo = tenant.spec.halo
    return output.facts(
        [
            ("tenant", tenant.spec.name),
            ("title", tenant.spec.title or "-"),
            ("kind", halo.kind),
            ("zone", f"{tenant.spec.zone}, out of hours from {tenant.spec.out_of_hours}"),
            ("Halo", str(halo.url)),
            ("authorisation", str(halo.auth_url) if halo.auth_url else "asked of the instance"),
            ("Halo's tenant", halo.tenant or "asked of the instance"),
            ("client id", halo.client_id),
            ("client secret", f"{halo.client_secret} (the value lies on the agents)"),
            *((f"client id of {group}", own.client_id) for group, own in halo.applications.items()),
            ("requests", f"{halo.requests_per_minute:,} a minute, {halo.page_size} records a page"),
            ("added", output.stamp(tenant.created_at)),
        ]
    )
