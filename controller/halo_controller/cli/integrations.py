"""`halo-controller integrations`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from halo_controller.api.models import IntegrationView
from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.hosted import EntitiesOption, chosen
from halo_controller.cli.output import JsonOption
from halo_controller.cli.references import RefArgument, path_of, path_of_hosted
from halo_controller.errors import Invalid
from halo_shared import durations, files
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrations import IntegrationSpec
from halo_shared.integrators import HOSTED_GROUP
from halo_shared.mapping import EntityMapping, FieldRule, When
from halo_shared.runs import Mode

app = typer.Typer(
    help="Integrations: what is read from where, written how, when and by whom.", no_args_is_help=True
)

WRITTEN: Final = {When.ALWAYS: "always", When.CREATE: "on creation", When.EMPTY: "where Halo has nothing"}

FileArgument = Annotated[Path, typer.Argument(help="An integration file (YAML).")]


@app.command(epilog="Example: halo-controller integrations create acme people.yaml")
@connected
async def create(client: Client, tenant: str, file: FileArgument) -> None:
    """Create an integration of a tenant from its file; it is disabled at first."""
    spec = files.load(file, IntegrationSpec)
    view = await client.post(f"/tenants/{tenant}/integrations", IntegrationView, spec)
    ref = f"{tenant}/{spec.name}"
    output.say(
        f"Integration '{ref}' created, disabled. Enable it with: halo-controller integrations enable {ref}"
    )
    output.say_note(view.note)


@app.command(epilog="Example: halo-controller integrations update acme people.yaml")
@connected
async def update(client: Client, tenant: str, file: FileArgument) -> None:
    """Replace an integration's definition; a file that names no group keeps the one that is assigned."""
    spec = files.load(file, IntegrationSpec)
    view = await client.put(f"/tenants/{tenant}/integrations/{spec.name}", IntegrationView, spec)
    output.say(f"Integration '{tenant}/{spec.name}' updated; its next run reads {_reads_next(view)}.")
    output.say_note(view.note)


@app.command("list", epilog="Example: halo-controller integrations list --tenant acme")
@connected
async def every(
    client: Client,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List integrations, when they run next and how they ran last."""
    found = await client.get("/integrations", list[IntegrationView], tenant=tenant)
    output.show(found, _table, as_json=as_json)


@app.command(epilog="Example: halo-controller integrations show acme/people")
@connected
async def show(client: Client, integration: RefArgument, as_json: JsonOption = False) -> None:
    """Show one integration: its definition, when it runs next and why, and its last run."""
    found = await client.get(path_of(integration), IntegrationView)
    output.show(found, lambda view: Group(*_report(view)), as_json=as_json)


@app.command(
    epilog="Example: halo-controller integrations enable acme/people\n\n"
    "Example: halo-controller integrations enable entra-id --tenant acme --entities users,assets --file entra.yaml"
)
@connected
async def enable(
    client: Client,
    integration: Annotated[
        str,
        typer.Argument(
            metavar="TENANT/NAME",
            help="The integration, as in acme/people; with --tenant a hosted connector.",
        ),
    ],
    tenant: Annotated[
        str | None, typer.Option(help="Enable the hosted integrator for this tenant and connector.")
    ] = None,
    entities: EntitiesOption = None,
    file: Annotated[
        Path | None, typer.Option(help="Its 'settings' and 'mapping' (YAML), as far as they are to change.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What it is called, where that is not the connector.")
    ] = None,
) -> None:
    """Let an integration run, by its schedule and when asked for; or choose what the hosted integrator imports."""
    if tenant is None:
        if entities or file or name:
            raise Invalid("--entities, --file and --name are for the hosted integrator: give --tenant too.")
        ref = IntegrationRef.parse(integration)
        view = await client.post(f"{path_of(ref)}/enable", IntegrationView)
    else:
        ref = IntegrationRef(tenant, name or integration)
        view = await client.put(path_of_hosted(ref), IntegrationView, chosen(integration, entities, file))
    output.say(f"Integration '{ref}' enabled: {_next(view)}.")
    output.say_note(view.note)


@app.command(epilog="Example: halo-controller integrations disable acme/people")
@connected
async def disable(client: Client, integration: RefArgument) -> None:
    """Open no more runs of an integration; one that an agent works on goes on."""
    await client.post(f"{path_of(integration)}/disable", IntegrationView)
    output.say(f"Integration '{integration}' disabled.")


@app.command(epilog='Example: halo-controller integrations pause acme/people --reason "directory is moved"')
@connected
async def pause(
    client: Client,
    integration: RefArgument,
    reason: Annotated[str, typer.Option(help="Why, for those who read it later.")] = "",
) -> None:
    """Let an integration run by itself no more, until it is resumed; one that is asked for still runs."""
    await client.post(f"{path_of(integration)}/pause", IntegrationView, {"reason": reason})
    output.say(
        f"Integration '{integration}' paused. Resume it with: halo-controller integrations resume {integration}"
    )


@app.command(epilog="Example: halo-controller integrations resume acme/people")
@connected
async def resume(client: Client, integration: RefArgument) -> None:
    """Let an integration run by its schedule again, whatever paused it or slowed it down."""
    view = await client.post(f"{path_of(integration)}/resume", IntegrationView)
    output.say(f"Integration '{integration}' resumed: {_next(view)}.")


@app.command(epilog="Example: halo-controller integrations assign acme/people --group acme-london")
@connected
async def assign(
    client: Client,
    integration: RefArgument,
    group: Annotated[str, typer.Option(help="The group of agents that is to run it.")],
) -> None:
    """Assign an integration to a group of agents."""
    view = await client.post(f"{path_of(integration)}/assign", IntegrationView, {"group": group})
    output.say(f"Integration '{integration}' assigned to group '{group}'.")
    output.say_note(view.note)


def _table(views: Sequence[IntegrationView]) -> Table:
    rows = (
        [
            f"{view.tenant}/{view.spec.name}",
            view.spec.connector,
            view.spec.group or "-",
            _when(view),
            _last_run(view),
        ]
        for view in views
    )
    columns = ("integration", "connector", "group", "next run", "last run")
    return output.table(*columns, rows=rows, wraps=["integration", "group", "next run"])


def _report(view: IntegrationView) -> Iterator[RenderableType]:
    spec = view.spec
    yield output.facts(
        [
            ("integration", f"{view.tenant}/{spec.name}"),
            ("title", spec.title or "-"),
            ("state", _enabled(view)),
            ("next run", _next(view)),
            ("last run", _last_run(view)),
            ("connector", spec.connector),
            ("group", spec.group or "-"),
            ("entities", ", ".join(spec.entities)),
            ("schedule", _schedule(view)),
            ("deadline", f"{durations.text(spec.deadline)} a run"),
            ("reads next", _reads_next(view)),
            ("in escrow", _escrow(view)),
            ("changed", output.stamp(view.changed_at)),
        ]
    )
    if spec.settings:
        yield from output.titled("Settings", output.facts((k, str(v)) for k, v in spec.settings.items()))
    for entity, mapping in spec.mapping.items():
        yield from output.titled(f"How {entity} are written", _mapping(mapping))


def _reads_next(view: IntegrationView) -> str:
    return "what changed" if view.cursors else "everything"


def _escrow(view: IntegrationView) -> str:
    if not view.escrowed:
        return "-"
    return f"{view.escrowed:,} records that failed; they are tried again, less and less often"


def _mapping(mapping: EntityMapping) -> Table:
    rows = [[mapping.identity or "-", "the source's own id", WRITTEN[When.ALWAYS]]]
    rows += [[field, _origin(rule), WRITTEN[rule.when]] for field, rule in mapping.fields.items()]
    return output.table("field in Halo", "from", "written", rows=rows, wraps=["from"])


def _origin(rule: FieldRule) -> str:
    return rule.source or rule.template or f"always {rule.value!r}"


def _schedule(view: IntegrationView) -> str:
    schedule = view.spec.schedule
    if schedule is None:
        return "decided by its host" if view.spec.group == HOSTED_GROUP else "-"
    others = {
        Mode.FULL: "reads everything",
        Mode.RECONCILE: "compares everything with Halo",
    }
    said = [f"{others[mode]} {timing}" for mode, timing in schedule.cycles if mode in others]
    return "; ".join([str(schedule), *said])


def _enabled(view: IntegrationView) -> Text:
    if view.enabled and view.paused:
        return output.word("paused")
    return output.word("enabled" if view.enabled else "disabled")


def _next(view: IntegrationView) -> str:
    return f"now: {view.next.reason}" if view.next.due else view.next.reason


def _when(view: IntegrationView) -> str | Text:
    """When it runs next, in a word or two where one is enough."""
    if view.next.at:
        return output.ahead(view.next.at)
    if not view.enabled:
        return _enabled(view)
    runs_by_itself = view.spec.schedule or view.spec.group == HOSTED_GROUP
    return _next(view) if runs_by_itself else "when asked for"


def _last_run(view: IntegrationView) -> Text | str:
    run = view.last_run
    if run is None:
        return "-"
    text = output.word(run.status)
    return text.append(f" {output.ago(run.ended_at or run.queued_at)}", style="default")
