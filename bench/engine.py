"""How fast the engine compares, how much memory that takes, how both grow, and what Halo hears of it."""

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import count, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

from bench.child import Lap, Work, race, speed
from bench.ports import Always, Counting, Nothing, People, Quiet, Untouched, people
from bench.rounds import Comparison
from bench.specs import REF, integration, tenant
from halo_agent.engine.attempt import Attempt
from halo_agent.engine.batches import BATCH
from halo_agent.engine.mapper import wish
from halo_agent.engine.ports import Source, Target
from halo_agent.engine.records import Link, SourceRecord
from halo_agent.engine.sync import make_plan, sync
from halo_agent.store.links import LinkStore, open_links
from halo_agent.store.workspace import open_workspace
from halo_shared.entities import EntityKind
from halo_shared.messages.commands import Assignment
from halo_shared.runs import Mode

SIZES: Final = (20_000, 150_000, 500_000)
NEW: Final = (20_000, 150_000)
"""Sizes of a first run, whose plan holds every record."""
ROOM: Final = 200.0
"""MiB above idle that any number of records may take."""
CHANGES: Final = 200
"""Of the smallest size, how many records change before the requests are counted."""
AGAINST: Final = "a loop that hashes the records and looks them up in the same SQLite"
FIRST_FENCE: Final = 1
SPEC: Final = integration("/nothing/is/read/here.csv")
MAPPING: Final = SPEC.mapping[EntityKind.USERS]

SCOPE: Final = "tenant = ? AND integration = ? AND kind = ?"
KEY: Final = (*REF, EntityKind.USERS.value)
LOOK_UP: Final = (
    f"SELECT source_id, hash FROM links WHERE {SCOPE} AND source_id IN (SELECT value FROM json_each(?))"  # noqa: S608 - constants
)
T = TypeVar("T")


async def measure() -> Sequence[Comparison]:
    """Unchanged sources of three sizes, first runs of two, and requests for each record."""
    found: list[Comparison] = []
    rates: list[float] = []
    for size in SIZES:
        comparisons, rate = await _unchanged(size)
        found += comparisons
        rates.append(rate)
    for size in NEW:
        found += await _new(size)
    growth = Comparison(
        f"{SIZES[-1]:,} unchanged records",
        "records/s",
        [rates[-1]],
        [rates[0]],
        f"the same engine with {SIZES[0]:,}",
    )
    return [*found, growth, *await _requests()]


async def _unchanged(size: int) -> tuple[Sequence[Comparison], float]:
    with TemporaryDirectory(prefix="halo-bench-") as folder:
        ours, theirs = Path(folder, "product.db"), Path(folder, "peer.db")
        await _remember(ours, size, lambda record: wish(record, MAPPING).hash)
        await _remember(theirs, size, _fingerprint)
        product, peer = await race(partial(_second_run, ours, size), partial(_bare_loop, theirs, size))
    what = f"{size:,} unchanged records"
    return [speed(what, AGAINST, product, peer), _memory(what, product)], median(lap.rate for lap in product)


async def _new(size: int) -> Sequence[Comparison]:
    with TemporaryDirectory(prefix="halo-bench-") as folder:
        ours, theirs = Path(folder, "product.db"), Path(folder, "peer.db")
        await _remember(theirs, 0, _fingerprint)
        product, peer = await race(partial(_plan, ours, size), partial(_bare_loop, theirs, size))
    what = f"{size:,} new records, planned"
    return [speed(what, AGAINST, product, peer), _memory(what, product)]


def _memory(what: str, laps: Sequence[Lap]) -> Comparison:
    above = laps[-1].peak - laps[-1].idle
    return Comparison(f"{what}, memory above idle", "MiB", [above], [ROOM], "what it may take at the most")


async def _requests() -> Sequence[Comparison]:
    """What Halo hears of a run in which some records changed, and of one in which none did."""
    size, target = SIZES[0], Counting()
    async with open_links(Path(":memory:")) as store:
        await _attempt(store, 1, People(size), target, sync)
        after_first = target.requests
        await _attempt(store, 2, People(size, changed=CHANGES), target, sync)
        changed = target.requests - after_first
        await _attempt(store, 3, People(size, changed=CHANGES), target, sync)
        unchanged = target.requests - after_first - changed
    return [
        Comparison("requests for each new record", "requests", [after_first / size], [1.0], "one write"),
        Comparison(
            "requests for each changed record",
            "requests",
            [changed / CHANGES],
            [2.0],
            "one look and one write",
        ),
        Comparison("requests for all unchanged records", "requests", [float(unchanged)], [0.0], "none"),
    ]


def _second_run(file: Path, size: int) -> Work:
    fences = count(FIRST_FENCE + 1)

    async def run() -> int:
        async with open_links(file) as store:
            attempt = await _attempt(store, next(fences), People(size), Untouched(), sync)
            return attempt.ledger.of(EntityKind.USERS).unchanged

    return lambda: asyncio.run(run())


def _plan(file: Path, size: int) -> Work:
    fences = count(FIRST_FENCE + 1)

    async def run() -> int:
        async with open_links(file) as store:
            attempt = await _attempt(store, next(fences), People(size), Nothing(), make_plan)
            return attempt.ledger.of(EntityKind.USERS).read

    return lambda: asyncio.run(run())


async def _attempt(
    store: LinkStore, fence: int, source: Source, target: Target, work: Callable[[Attempt], Awaitable[object]]
) -> Attempt:
    """An attempt whose work is done."""
    halo = tenant("https://nobody.example").halo
    assignment = Assignment(tenant=REF.tenant, halo=halo, integration=SPEC, mode=Mode.FULL)
    async with open_workspace() as workspace:
        attempt = Attempt(assignment, source, target, store.of(REF, fence), workspace, Quiet(), Always())
        await work(attempt)
        return attempt


def _bare_loop(file: Path, size: int) -> Work:
    def run() -> int:
        handled = 0
        with closing(sqlite3.connect(file, isolation_level=None)) as db:
            for records in _batches(people(size)):
                hashes = {record.id: _fingerprint(record) for record in records}
                known = dict(db.execute(LOOK_UP, (*KEY, json.dumps(list(hashes)))).fetchall())
                handled += sum(known.get(source_id, digest) == digest for source_id, digest in hashes.items())
        return handled

    return run


async def _remember(file: Path, size: int, hash_of: Callable[[SourceRecord], str]) -> None:
    """What a first run would have left in the link store."""
    async with open_links(file) as store:
        links = store.of(REF, FIRST_FENCE)
        for records in _batches(enumerate(people(size), start=1)):
            await links.save(
                [
                    Link(record.kind, record.id, number, hash=hash_of(record), active=True, name=record.name)
                    for number, record in records
                ]
            )


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    waiting = iter(items)
    while some := list(islice(waiting, BATCH)):
        yield some


def _fingerprint(record: SourceRecord) -> str:
    content = json.dumps(sorted(record.attributes.items())).encode()
    return hashlib.blake2b(content, digest_size=16).hexdigest()
