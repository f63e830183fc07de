"""The command `halo-agent`."""

import asyncio
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer

from halo_agent import wiring
from halo_agent.cli import output
from halo_agent.cli.branches import show_branches
from halo_agent.cli.difference import save_changes
from halo_agent.cli.rights import show_rights
from halo_agent.jobs.browse import browse as look_through
from halo_agent.jobs.check import check_halo, check_rights, check_source
from halo_agent.jobs.preview import preview as make_preview
from halo_agent.jobs.preview import trace as trace_one
from halo_agent.settings import Settings, environment
from halo_agent.stopping import Stopping, on_signals
from halo_agent.targets.halo.rights import lacking
from halo_shared import files, logs
from halo_shared.clock import SystemClock
from halo_shared.errors import PermissionMissing
from halo_shared.integrations import IntegrationSpec, TenantSpec
from halo_shared.redaction import Redactor
from halo_shared.secrets import LocalSecrets
from halo_shared.telemetry import exported
from halo_shared.transport.amqp import AmqpTransport

app = typer.Typer(
    name="halo-agent",
    help="Keeps Halo in step with the tools on this network.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="HALO_AGENT_CONFIG", help="The agent's settings file (YAML)."),
]
IntegrationFile = Annotated[Path, typer.Argument(help="An integration file (YAML).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def main() -> None:
    """Run the command line; every expected error is one sentence and an exit code."""
    with output.errors_in_words():
        app(prog_name="halo-agent")


@app.command(epilog="Example: halo-agent run --config /etc/halo-agent/agent.yaml")
def run(config: ConfigOption = None) -> None:
    """Work as an agent until told to stop: Ctrl-C once to finish what runs, twice to cut it short."""
    settings = Settings.load(config)
    asyncio.run(_run(settings))


@app.command(epilog="Example: halo-agent check people.yaml --halo acme.yaml")
def check(
    integration: IntegrationFile,
    halo: Annotated[Path | None, typer.Option("--halo", help="A tenant file: try Halo as well.")] = None,
    config: ConfigOption = None,
) -> None:
    """Try the connection to a tool stage by stage, and to Halo with all rights that are needed there if its tenant file is given."""
    spec = files.load(integration, IntegrationSpec)
    tenant = files.load(halo, TenantSpec) if halo else None
    asyncio.run(_check(spec, tenant, Settings.for_trying(config)))


@app.command(epilog="Example: halo-agent browse people.yaml")
def browse(
    integration: IntegrationFile,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what of a tool can be named in the settings: a directory's units and groups, and their GUIDs."""
    spec = files.load(integration, IntegrationSpec)
    settings = Settings.for_trying(config)
    secrets = LocalSecrets(settings.secrets_file, environment(), _redactor(settings))
    show_branches(asyncio.run(look_through(spec, secrets)), as_json=as_json)


@app.command(epilog="Example: halo-agent preview people.yaml --halo acme.yaml")
def preview(
    integration: IntegrationFile,
    halo: Annotated[Path, typer.Option("--halo", help="The tenant file that says how to reach Halo.")],
    config: ConfigOption = None,
    csv: Annotated[Path | None, typer.Option(help="Write the full difference into this file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a run would do to Halo, record by record. Nothing is written."""
    spec = files.load(integration, IntegrationSpec)
    tenant = files.load(halo, TenantSpec)
    settings = Settings.for_trying(config)
    secrets = LocalSecrets(settings.secrets_file, environment(), _redactor(settings))
    found = asyncio.run(make_preview(tenant, spec, settings, secrets, SystemClock()))
    if csv is not None:
        save_changes(found.changes, csv)
    output.show_preview(found, as_json=as_json)


@app.command("sync-one", epilog="Example: halo-agent sync-one people.yaml jane@acme.example --halo acme.yaml")
def sync_one(
    integration: IntegrationFile,
    key: Annotated[
        str, typer.Argument(help="Its id at the source, its name, or a value that recognises it.")
    ],
    halo: Annotated[Path, typer.Option("--halo", help="The tenant file that says how to reach Halo.")],
    config: ConfigOption = None,
) -> None:
    """Trace one record through every step of a sync, up to what would be written. Nothing is written.

    Writing needs a lease, which only the controller gives: halo-controller records sync TENANT/NAME KEY
    """
    spec = files.load(integration, IntegrationSpec)
    tenant = files.load(halo, TenantSpec)
    settings = Settings.for_trying(config)
    secrets = LocalSecrets(settings.secrets_file, environment(), _redactor(settings))
    asyncio.run(trace_one(tenant, spec, key, settings, secrets, SystemClock(), output.tell_step))


@app.command(epilog="Example: halo-agent version")
def version() -> None:
    """Print the version."""
    typer.echo(installed_version("halo-integrator-agent"))


async def _run(settings: Settings) -> None:
    redactor = _redactor(settings)
    stopping = Stopping()
    with on_signals(stopping), exported("halo-integrator-agent", settings.name, environment()):
        async with AmqpTransport(settings.broker_url, name=f"halo-agent {settings.name}") as transport:
            await wiring.run(settings, transport, SystemClock(), redactor, stopping, deputised=True)


async def _check(spec: IntegrationSpec, tenant: TenantSpec | None, settings: Settings) -> None:
    secrets = LocalSecrets(settings.secrets_file, environment(), _redactor(settings))
    await output.show_steps(f"{spec.connector} ({spec.name})", check_source(spec, secrets))
    if tenant is None:
        return
    refused: PermissionMissing | None = None
    try:
        await output.show_steps(f"Halo ({tenant.name})", check_halo(tenant.halo, secrets, SystemClock()))
    except PermissionMissing as error:
        refused = error  # which rights are missing is told below
    rights = await check_rights(tenant.halo, spec, secrets, SystemClock())
    show_rights(rights)
    if missing := lacking(rights) or refused:
        raise missing


def _redactor(settings: Settings) -> Redactor:
    redactor = Redactor()
    logs.configure(redactor, level=settings.log_level, style=settings.log_format)
    return redactor
