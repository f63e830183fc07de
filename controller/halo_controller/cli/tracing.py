"""Following a run of one record, step by step."""

from collections.abc import Sequence
from typing import Final

from rich.text import Text

from halo_controller.api.models import RunView
from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.nouns import Record
from halo_shared.messages.events import Event, Level, Logged
from halo_shared.runs import RunStatus

POLL: Final = 0.5
"""Seconds between looks at what was said."""


async def trace(client: Client, run_id: str) -> RunView:
    """Print each step as it is told, until the run ends or waits for a person."""
    told: set[object] = set()
    while True:
        run = await client.get(f"/runs/{run_id}", RunView)
        for event in await client.get(f"/runs/{run_id}/events", list[Event], level=Level.INFO):
            if isinstance(event, Logged) and event.step and event.id not in told:
                told.add(event.id)
                output.out.print(Text.assemble((f"{event.step:<6} ", "bold"), event.text), soft_wrap=True)
        if run.status.ended or run.status is RunStatus.HELD:
            return run
        await output.CLOCK.sleep(POLL)


def say_end(run: RunView, told: Sequence[Record]) -> None:
    """How it ended, and where to look further."""
    output.out.print(Text.assemble("Run ", run.id, ": ", output.word(run.status)))
    if run.failure:
        output.say(run.failure.message, style="red")
        output.say(run.failure.advice)
    if run.status is RunStatus.HELD:
        output.say(f"It waits for you: halo-controller runs show {run.id}")
    for record in told:
        output.say(f"All about it: halo-controller records show {record.id}")
