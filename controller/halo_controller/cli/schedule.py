"""`halo-controller schedule` and `halo-controller why`."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.output import JsonOption
from halo_controller.cli.references import RefArgument, path_of
from halo_controller.scheduling.nouns import Answer, Past, Preview
from halo_shared.runs import Mode

app = typer.Typer(help="Schedules: what is to come, and what became of what was.", no_args_is_help=True)

Rows = Iterable[Sequence[str | Text]]

READS: Final = {
    Mode.DELTA: "what changed",
    Mode.FULL: "everything",
    Mode.RECONCILE: "everything, compared with Halo",
}


@app.command(epilog="Example: halo-controller schedule preview acme/people -n 20")
@connected
async def preview(
    client: Client,
    integration: RefArgument,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=200, help="So many moments.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Show the next moments of an integration: which will run, and why others will not."""
    found = await client.get(f"{path_of(integration)}/preview", list[Preview], count=str(count))
    output.show(found, _coming, as_json=as_json)


@app.command(epilog="Example: halo-controller schedule starts acme/people")
@connected
async def starts(
    client: Client,
    integration: RefArgument,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=200, help="So many moments.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Show what became of the moments that have passed: which ran, and why others did not."""
    found = await client.get(f"{path_of(integration)}/starts", list[Past], limit=str(count))
    output.show(found, _passed, as_json=as_json)


@connected
async def why(client: Client, integration: RefArgument, as_json: JsonOption = False) -> None:
    """Say in a sentence why an integration does not run at this moment, and what would change that."""
    answer = await client.get(f"{path_of(integration)}/why", Answer)
    output.show(answer, _sentence, as_json=as_json)


def _sentence(answer: Answer) -> str:
    return f"{answer.sentence}\n  → {answer.cure}" if answer.cure else answer.sentence


def _coming(found: Sequence[Preview]) -> Table:
    rows: Rows = (
        [
            output.stamp_ahead(one.at),
            READS[one.mode],
            output.word("runs" if one.will_run else "skipped"),
            "; ".join(one.remarks) or "-",
        ]
        for one in found
    )
    return output.table("at", "reads", "", "because", rows=rows, wraps=["because"])


def _times(one: Past) -> str:
    return "1" if one.times == 1 else f"{one.times:,}, to {one.until:%Y-%m-%d %H:%M}"


def _passed(found: Sequence[Past]) -> Table:
    rows: Rows = (
        [
            output.stamp(one.at),
            READS[one.mode],
            output.word(one.fate),
            _times(one),
            one.run or "-",
            one.reason,
        ]
        for one in found
    )
    return output.table("at", "reads", "", "times", "run", "because", rows=rows, wraps=["because"])
