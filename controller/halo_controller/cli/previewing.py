"""What a preview found, page by page: a plan may be larger than a screen, or than memory."""

import csv
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from halo_controller.api.models import RunView
from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.record_report import changes_table
from halo_controller.cli.run_report import report
from halo_controller.nouns import Record
from halo_shared.outcomes import COLUMNS, lines

PAGE: Final = 1_000


async def show_preview(client: Client, run: RunView, most: int, *, as_json: bool) -> None:
    """The counts, and as many records as are wanted; as JSON, one record to a line after the run."""
    if as_json:
        output.out.print_json(run.model_dump_json())
        async for records in pages(client, run):
            for record in records:
                output.say(record.model_dump_json())
        return
    first = await client.get(f"/runs/{run.id}/records", list[Record], limit=min(most, PAGE))
    shown = [record.outcome for record in first]
    if shown:
        output.out.print(changes_table(shown))
        output.say("")
    output.out.print(report(run, [], 0))
    if len(first) == min(most, PAGE):
        output.say(
            f"Only the first {len(first):,} records are shown; --csv FILE and --json give all of them."
        )


async def save(client: Client, run: RunView, file: Path) -> None:
    """The full difference as CSV, one line per field."""
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(COLUMNS)
        async for records in pages(client, run):
            for record in records:
                writer.writerows(lines(record.outcome))


async def pages(client: Client, run: RunView) -> AsyncIterator[Sequence[Record]]:
    """All outcomes of a run."""
    after = 0
    while records := await client.get(f"/runs/{run.id}/records", list[Record], after=after, limit=PAGE):
        yield records
        after = records[-1].id
