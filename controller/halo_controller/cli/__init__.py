"""The command `halo-controller`: run a controller, and steer one from anywhere."""

from importlib.metadata import version as installed_version

import typer

from halo_controller.cli import (
    agents,
    audit,
    catalogue,
    events,
    groups,
    hosted,
    incidents,
    integrations,
    integrator,
    limits,
    log,
    monitors,
    notifications,
    output,
    people,
    records,
    run,
    runs,
    schedule,
    silences,
    tenants,
    tokens,
    topology,
)
from halo_controller.cli.serve import serve

app = typer.Typer(
    name="halo-controller",
    help="The centre of halo-integrator: tenants, integrations, agents and runs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

app.command(epilog="Example: halo-controller serve --data /var/lib/halo-controller")(serve)
app.add_typer(tenants.app, name="tenants")
app.add_typer(groups.app, name="groups")
app.add_typer(agents.app, name="agents")
app.add_typer(integrations.app, name="integrations")
integrations.app.command(
    epilog="Example: halo-controller integrations limits acme/people --entity users --retire-percent 30"
)(limits.limits)
app.add_typer(catalogue.app, name="catalogue")
app.add_typer(hosted.app, name="hosted")
app.add_typer(integrator.app, name="integrator")
app.add_typer(run.app, name="run")
app.add_typer(runs.app, name="runs")
app.add_typer(schedule.app, name="schedule")
app.command(epilog="Example: halo-controller why acme/people")(schedule.why)
app.add_typer(log.app, name="log")
app.add_typer(records.app, name="records")
app.add_typer(events.app, name="events")
app.add_typer(monitors.app, name="monitors")
app.add_typer(incidents.app, name="incidents")
app.add_typer(people.app, name="people")
app.add_typer(notifications.app, name="notifications")
app.add_typer(silences.app, name="silences")
app.add_typer(tokens.app, name="tokens")
app.add_typer(audit.app, name="audit")
app.command(epilog="Example: halo-controller topology")(topology.topology)
app.command(epilog="Example: halo-controller health --json")(topology.health)


@app.command(epilog="Example: halo-controller version")
def version() -> None:
    """Print the version."""
    typer.echo(installed_version("halo-integrator-controller"))


def main() -> None:
    """Run the command line; every expected error is one sentence and an exit code."""
    with output.errors_in_words():
        app(prog_name="halo-controller")
