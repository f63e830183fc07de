"""Each side in a process of its own, so that neither the other's memory nor its garbage is counted."""

import asyncio
import gc
import multiprocessing
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from bench.rounds import Comparison, alternate
from halo_shared import logs
from halo_shared.redaction import Redactor

Work = Callable[[], int]
"""Does a round's work and says how many records it handled."""
Prepare = Callable[[], Work]
"""Runs in the child, unmeasured; must be picklable, what it gives need not be."""

MIB: Final = 1024
"""In KiB, which is what the kernel counts in."""


@dataclass(frozen=True, slots=True)
class Lap:
    """One round of one side."""

    records: int
    seconds: float
    idle: float
    """MiB of the process before its first round."""
    peak: float
    """MiB at the most since it was idle."""

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds


async def race(product: Prepare, peer: Prepare) -> tuple[Sequence[Lap], Sequence[Lap]]:
    """The laps of both sides; raises RuntimeError when they did not do the same work."""
    async with _child(product) as ours, _child(peer) as theirs:
        first, second = await alternate(ours, theirs)
    handled = {lap.records for lap in (*first, *second)}
    if len(handled) != 1:
        raise RuntimeError(f"product and peer handled different numbers of records: {sorted(handled)}")
    return first, second


def speed(what: str, against: str, product: Sequence[Lap], peer: Sequence[Lap]) -> Comparison:
    """How fast both sides were."""
    return Comparison(what, "records/s", [lap.rate for lap in product], [lap.rate for lap in peer], against)


def memory(against: str, product: Sequence[Lap], peer: Sequence[Lap]) -> Comparison:
    """What both processes needed at the most, the interpreter and all libraries included."""
    return Comparison("peak of the process", "MiB", [product[-1].peak], [peer[-1].peak], against)


@asynccontextmanager
async def _child(prepare: Prepare) -> AsyncIterator[Callable[[], Awaitable[Lap]]]:
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_serve, args=(prepare, theirs), daemon=True)
    process.start()
    theirs.close()  # else nobody would notice that the child has ended

    async def lap() -> Lap:
        try:
            ours.send(True)
            answer: Lap = await asyncio.to_thread(ours.recv)
        except (EOFError, OSError) as error:
            raise RuntimeError("A child has ended before its round was done; it says above why.") from error
        return answer

    try:
        yield lap
    finally:
        ours.close()
        await asyncio.to_thread(process.join)


def _serve(prepare: Prepare, line: Connection) -> None:
    """A lap whenever the parent asks for one, until it hangs up."""
    logs.configure(Redactor(), level="warning")
    work = prepare()
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    idle = _status("VmRSS")
    while True:
        try:
            line.recv()
        except EOFError:
            return
        started = time.perf_counter()
        records = work()
        seconds = time.perf_counter() - started
        line.send(Lap(records, seconds, idle, peak=_status("VmHWM")))
        gc.collect()


def _status(key: str) -> float:
    """A figure of this process in MiB, as the kernel keeps it."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[key].split()[0]) / MIB
