"""What the command line prints: tables, JSON, moments, and errors as sentences."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Annotated, Final, TypeVar

import typer
from pydantic import BaseModel
from pydantic_core import to_json
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from halo_shared.clock import Clock, SystemClock
from halo_shared.errors import HaloIntegratorError
from halo_shared.exits import exit_code, leaves

Answer = TypeVar("Answer", bound=BaseModel | Sequence[BaseModel])

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

WIDE: Final = 200
"""Columns where nobody looks: a pipe or a file should get whole cells."""

CLOCK: Final[Clock] = SystemClock()

STYLES: Final = {
    "succeeded": "green",
    "online": "green",
    "ok": "green",
    "enabled": "green",
    "running": "cyan",
    "held": "bold yellow",
    "partial": "yellow",
    "cancelled": "yellow",
    "silent": "yellow",
    "stalled": "bold yellow",
    "draining": "yellow",
    "stopped": "yellow",
    "alarm": "yellow",
    "failed": "red",
    "open": "red",
    "acknowledged": "yellow",
    "recovered": "green",
    "sent": "green",
    "waiting": "yellow",
    "refused": "red",
    "given_up": "red",
    "bounced": "red",
    "tell": "green",
    "wait": "yellow",
    "lost": "red",
    "down": "red",
}


def _console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDE
    # What people named may hold [brackets] and :colons:, so nothing is read as markup.
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


out: Final = _console()
err: Final = _console(stderr=True)


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Print an expected error as one sentence and leave with the exit code that belongs to it."""
    try:
        yield
    except* HaloIntegratorError as group:
        error = next(leaves(group))
        say_error(str(error))
        sys.exit(exit_code(error))


def say(text: str, style: str = "") -> None:
    """Print a sentence; whoever reads it wraps it."""
    out.print(Text(text, style=style), soft_wrap=True)


def say_error(text: str) -> None:
    """Print a sentence about what went wrong."""
    err.print(Text(text, style="red"), soft_wrap=True)


def show(answer: Answer, render: Callable[[Answer], RenderableType], *, as_json: bool) -> None:
    """Print what the controller said: as JSON, or as people read it."""
    if as_json:
        sys.stdout.write(to_json(answer, by_alias=True, indent=2).decode() + "\n")
    else:
        out.print(render(answer))


def say_note(note: str) -> None:
    """Print what is still to be done, if anything is."""
    if note:
        err.print(Text(note, style="yellow"), soft_wrap=True)


def table(
    *columns: str,
    rows: Iterable[Sequence[str | Text]],
    numbers: Sequence[str] = (),
    wraps: Sequence[str] = (),
) -> Table:
    """A table without lines; the columns in `numbers` stand to the right.

    On a narrow terminal those in `wraps` give way, so that the others can be read, and copied, in one piece.
    """
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", no_wrap=column not in wraps)
    for row in rows:
        made.add_row(*(_whole(cell) for cell in row))
    return made


def facts(rows: Iterable[tuple[str, RenderableType]]) -> Table:
    """Names and values, one pair per line."""
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(name, value)
    return made


def word(value: str) -> Text:
    """A status or state in its colour."""
    return Text(value, style=STYLES.get(value, ""))


def ago(moment: datetime | None) -> str:
    """How long ago, roughly."""
    return f"{span(CLOCK.now() - moment)} ago" if moment else "never"


def ahead(moment: datetime) -> str:
    """How soon, roughly."""
    return f"in {span(moment - CLOCK.now())}"


def span(length: timedelta) -> str:
    """A span in its largest whole unit."""
    seconds = max(0, round(length.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def stamp(moment: datetime | None) -> str:
    """A moment that has passed, exactly."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC ({ago(moment)})" if moment else "-"


def stamp_ahead(moment: datetime) -> str:
    """A moment to come, exactly."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC ({ahead(moment)})"


def titled(title: str, body: RenderableType) -> Iterator[RenderableType]:
    """A section of a report."""
    yield Text(f"\n{title}", style="bold")
    yield body


def _whole(cell: str | Text) -> Text:
    """A cell that is never cut: where its column does not fit it wraps, whatever the column is told."""
    text = cell.copy() if isinstance(cell, Text) else Text(cell)
    text.no_wrap, text.overflow = False, "fold"
    return text
