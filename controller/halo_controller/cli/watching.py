"""Following a run while it runs: a bar on a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from halo_controller.api.models import RunView
from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.nouns import Run, RunProgress
from halo_shared.messages.events import Stage
from halo_shared.runs import RunStatus, Tally

POLL: Final = 0.5
"""Seconds between looks at the run."""
PLAIN_EVERY: Final = 5.0
"""Seconds between plain lines on the same stage."""

Show = Callable[[Run], None]


async def watch(client: Client, run_id: str) -> RunView:
    """Show a run's progress until it ends, or until it waits for a person."""
    with _shown() as show:
        while True:
            run = await client.get(f"/runs/{run_id}", RunView)
            show(run)
            if run.status.ended or run.status is RunStatus.HELD:
                return run
            await output.CLOCK.sleep(POLL)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a stage was at a moment of the monotonic clock."""

    stage: Stage
    done: int
    at: float

    def rate(self, progress: RunProgress, at: float) -> float | None:
        """Records a second since this mark; None before there is something to say."""
        if progress.stage is not self.stage or at <= self.at or progress.done <= self.done:
            return None
        return (progress.done - self.done) / (at - self.at)


class Pace:
    """Remembers where the present stage was first seen."""

    def __init__(self) -> None:
        self._mark: Mark | None = None

    def rate(self, progress: RunProgress) -> float | None:
        """Records a second in the present stage."""
        now = output.CLOCK.monotonic()
        if self._mark is None or self._mark.stage is not progress.stage:
            self._mark = Mark(progress.stage, progress.done, now)
        return self._mark.rate(progress, now)


def line(run: Run, rate: float | None) -> str:
    """Where the run is, in a line."""
    if run.status in (RunStatus.QUEUED, RunStatus.DISPATCHED):
        return f"waiting for an agent of group {run.group}"
    if run.status is not RunStatus.RUNNING:
        return run.status
    if run.progress is None:
        return f"running on {run.agent}"
    return ", ".join([_far(run.progress), *_pace(rate), *_counted(run)])


def _far(progress: RunProgress) -> str:
    of = f" of {progress.total:,}" if progress.total is not None else ""
    return f"{progress.stage} {progress.done:,}{of}"


def _pace(rate: float | None) -> Iterator[str]:
    if rate is not None:
        yield f"{rate:,.0f} a second" if rate >= 1 else f"{rate * 60:,.0f} a minute"


def _counted(run: Run) -> Iterator[str]:
    total = sum(run.counts.values(), Tally())
    for name in ("created", "updated", "retired", "failed"):
        if count := getattr(total, name):
            yield f"{count:,} {name}"


@contextmanager
def _shown() -> Iterator[Show]:
    if output.err.is_terminal:
        with _bar() as show:
            yield show
    else:
        yield _Lines()


class _Lines:
    """A line when the run moves on, and every few seconds in between."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._last: tuple[str, str] | None = None
        self._spoke_at = 0.0

    def __call__(self, run: Run) -> None:
        rate = self._pace.rate(run.progress) if run.progress else None
        place = (run.status.value, run.progress.stage.value if run.progress else "")
        now = output.CLOCK.monotonic()
        if place == self._last and now - self._spoke_at < PLAIN_EVERY:
            return
        self._last, self._spoke_at = place, now
        output.err.print(f"{run.id} {run.ref}: {line(run, rate)}", soft_wrap=True)


@contextmanager
def _bar() -> Iterator[Show]:
    pace = Pace()
    columns = (SpinnerColumn(), BarColumn(bar_width=24), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=output.err, transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(run: Run) -> None:
            progress = run.progress if run.status is RunStatus.RUNNING else None
            rate = pace.rate(progress) if progress else None
            bar.update(
                task,
                description=line(run, rate),
                completed=progress.done if progress else 0,
                total=progress.total if progress else None,
            )

        yield show
