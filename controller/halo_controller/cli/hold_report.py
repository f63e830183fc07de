"""A run that waits for a person: what it would do, to whom, and what can be said to it."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from halo_controller.api.models import RunView
from halo_controller.cli import output
from halo_controller.cli.record_report import named, what
from halo_controller.nouns import Record
from halo_shared.limits import Limit
from halo_shared.runs import Action, Excess

OPTION: Final = {Action.RETIRE: "retire", Action.UPDATE: "update"}


def held(run: RunView, told: Sequence[Record]) -> Iterator[RenderableType]:
    """What a held run would do, and the commands that answer it."""
    found = Group(*(Text(f"- {excess}") for excess in run.held_for))
    yield from output.titled("It waits for you; nothing was written", found)
    if sample := _sample(run, told):
        of = sum(excess.found for excess in run.held_for)
        yield from output.titled(f"Among them ({len(sample):,} of {of:,})", _named(sample))
    # A command that the screen is too narrow for is left whole, so that it can be copied.
    answers = [
        Text.assemble((f"{label}\n", "dim"), f"  {command}", no_wrap=True, overflow="ignore")
        for label, command in _answers(run)
    ]
    yield from output.titled("What you can do", Group(*answers))
    yield Text("\nAn approval holds once: the run reads and plans anew, and may do no more than you allow.")


def _sample(run: RunView, told: Sequence[Record]) -> list[Record]:
    """Those records of the latest attempt that the limits are about."""
    return [one for one in told if one.outcome.planned and one.attempt == run.attempt]


def _named(sample: Sequence[Record]) -> Table:
    rows: Iterator[list[str | Text]] = (
        [what(one.outcome), one.outcome.entity, named(one.outcome), one.outcome.source_id, one.outcome.reason]
        for one in sample
    )
    wraps = ("name", "id at its source", "why")
    return output.table("", "entity", "name", "id at its source", "why", rows=rows, wraps=wraps)


def _answers(run: RunView) -> Iterator[tuple[str, str]]:
    most = max((excess.found for excess in run.held_for), default=1)
    yield "approve what was found", f"halo-controller runs approve {run.id}"
    yield "approve up to a number", f"halo-controller runs approve {run.id} --up-to {most}"
    yield "reject it", f"halo-controller runs reject {run.id}"
    for excess in run.held_for:
        yield "change the limit", _limits(run, excess)


def _limits(run: RunView, excess: Excess) -> str:
    """The command that would let as much through from now on."""
    option = OPTION.get(excess.action, "update")
    command = f"halo-controller integrations limits {run.ref} --entity {excess.entity} --{option}-count {excess.found}"
    if excess.population < Limit().from_population:
        return command  # of so few a share says nothing
    percent = min(100, -(-excess.found * 100 // excess.population))
    return f"{command} --{option}-percent {percent}"
