"""`halo-controller audit`."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Annotated, Any, Final

import typer
from rich.console import Group, RenderableType
from rich.table import Table

from halo_controller.audit.differences import Difference, differences
from halo_controller.audit.nouns import Entry, Noun
from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected, without_subcommand
from halo_controller.cli.log import SinceOption
from halo_controller.cli.output import JsonOption

app = typer.Typer(help="The audit log: who changed what, when, and how it was before.")

MOST_FIELDS: Final = 4


@app.callback(
    invoke_without_command=True,
    epilog="Example: halo-controller audit --tenant acme --noun integration --since 7d",
)
@without_subcommand
@connected
async def audit(
    client: Client,
    tenant: Annotated[str | None, typer.Option(help="Only what is this tenant's.")] = None,
    who: Annotated[str | None, typer.Option(help="Only what was done with the token of this name.")] = None,
    noun: Annotated[Noun | None, typer.Option(help="Only changes of such things.")] = None,
    name: Annotated[str | None, typer.Option(help="Only of this one, as in acme/people.")] = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List changes, the latest first."""
    found = await client.get(
        "/audit",
        list[Entry],
        tenant=tenant,
        who=who,
        noun=noun,
        name=name,
        since=_back(since),
        limit=limit,
    )
    output.show(found, _table, as_json=as_json)


@app.command(epilog="Example: halo-controller audit show 42")
@connected
async def show(client: Client, entry: int, as_json: JsonOption = False) -> None:
    """Show one change, field by field."""
    output.show(await client.get(f"/audit/{entry}", Entry), _page, as_json=as_json)


def _back(since: timedelta | None) -> str | None:
    return (output.CLOCK.now() - since).isoformat() if since else None


def _table(found: Sequence[Entry]) -> Table:
    columns = ("entry", "at (UTC)", "who", "did", "to", "what changed")
    return output.table(*columns, rows=map(_row, found), numbers=["entry"], wraps=["what changed"])


def _row(entry: Entry) -> list[str]:
    return [
        str(entry.id),
        f"{entry.at:%Y-%m-%d %H:%M:%S}",
        entry.who,
        entry.action.words,
        entry.name,
        _summary(entry),
    ]


def _summary(entry: Entry) -> str:
    if entry.before is None:
        return "it is new"
    if entry.after is None:
        return "it is gone"
    fields = [one.field for one in differences(entry)]
    more = f" and {len(fields) - MOST_FIELDS} more" if len(fields) > MOST_FIELDS else ""
    return ", ".join(fields[:MOST_FIELDS]) + more or "nothing"


def _page(entry: Entry) -> Group:
    return Group(*_parts(entry))


def _parts(entry: Entry) -> Iterator[RenderableType]:
    yield output.facts(
        [
            ("did", f"{entry.action.words} ({entry.action})"),
            ("to", f"{entry.noun} {entry.name}"),
            ("tenant", entry.tenant or "-"),
            ("who", f"{entry.who} ({entry.role})"),
            ("at", output.stamp(entry.at)),
            ("request", entry.request),
        ]
    )
    found = differences(entry)
    if found:
        yield from output.titled("What changed", _fields(found))


def _fields(found: Sequence[Difference]) -> Table:
    rows = ([one.field, _shown(one.before), _shown(one.after)] for one in found)
    return output.table("field", "before", "after", rows=rows, wraps=["before", "after"])


def _shown(value: Any) -> str:  # Any: JSON
    match value:
        case None:
            return "-"
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)
