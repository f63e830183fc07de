"""`halo-controller integrations limits`."""

from typing import Annotated

import typer
from rich.table import Table

from halo_controller.api.models import IntegrationView
from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.output import JsonOption
from halo_controller.cli.references import RefArgument, path_of
from halo_shared.entities import EntityKind
from halo_shared.errors import ConfigurationError
from halo_shared.limits import EntityLimits, Limit, Limits
from halo_shared.runs import RunStatus

Count = Annotated[int | None, typer.Option(min=0, help="At most so many in one run.")]
Percent = Annotated[float | None, typer.Option(min=0, max=100, help="At most this share of what is linked.")]


@connected
async def limits(
    client: Client,
    integration: RefArgument,
    entity: Annotated[EntityKind | None, typer.Option(help="Whose limits to change.")] = None,
    retire_count: Count = None,
    retire_percent: Percent = None,
    update_count: Count = None,
    update_percent: Percent = None,
    as_json: JsonOption = False,
) -> None:
    """Show how much one run may do without a person's word, or change it."""
    view = await client.get(path_of(integration), IntegrationView)
    retire = _given(count=retire_count, percent=retire_percent)
    update = _given(count=update_count, percent=update_percent)
    if retire or update:
        changed = _changed(view.spec.limits, _one(view, entity), retire, update)
        view = await client.put(f"{path_of(integration)}/limits", IntegrationView, changed)
    output.show(view, _table, as_json=as_json)
    run = view.last_run
    if (retire or update) and run and run.status is RunStatus.HELD:
        output.say_note(
            f"Run {run.id} is still held by the limits as they were. Reject it and run again: "
            f"halo-controller runs reject {run.id}"
        )


def _given(**values: float | None) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}


def _one(view: IntegrationView, entity: EntityKind | None) -> EntityKind:
    """The entity that is meant; raises ConfigurationError when that is not clear."""
    entities = view.spec.entities
    if entity is None and len(entities) == 1:
        return entities[0]
    if entity not in entities:
        raise ConfigurationError(f"Say whose limits are meant with --entity: {', '.join(entities)}.")
    return entity


def _changed(
    limits: Limits, entity: EntityKind, retire: dict[str, float], update: dict[str, float]
) -> Limits:
    before = limits.of(entity)
    after = EntityLimits(
        retire=before.retire.model_copy(update=retire), update=before.update.model_copy(update=update)
    )
    return Limits(entities={**limits.entities, entity: after})


def _table(view: IntegrationView) -> Table:
    rows = (
        [entity.value, _text(view.spec.limits.of(entity).retire), _text(view.spec.limits.of(entity).update)]
        for entity in view.spec.entities
    )
    columns = ("may retire", "may update")
    return output.table("entity", *columns, rows=rows, wraps=columns)


def _text(limit: Limit) -> str:
    return f"{limit.count:,}, and {limit.percent:g} % of {limit.from_population:,} or more"
