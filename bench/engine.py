"""The second run of an unchanged source, against the bare loop that hashes and looks the hashes up."""

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.child import Lap, Work, race, speed
from bench.people import person
from bench.ports import Always, Memory, Quiet, Untouched
from bench.rounds import Comparison
from bench.specs import REF, integration, tenant
from halo_agent.engine.attempt import Attempt
from halo_agent.engine.batches import BATCH
from halo_agent.engine.mapper import wish
from halo_agent.engine.records import Link, SourceRecord
from halo_agent.engine.sync import sync
from halo_agent.store.links import open_links
from halo_agent.store.workspace import open_workspace
from halo_shared.entities import EntityKind
from halo_shared.messages.commands import Assignment
from halo_shared.runs import Mode

SIZES: Final = (20_000, 100_000)
AGAINST: Final = "a loop that hashes the records and looks them up in the same SQLite"
FIRST_FENCE: Final = 1
SPEC: Final = integration("/nothing/is/read/here.csv")
MAPPING: Final = SPEC.mapping[EntityKind.USERS]

SCOPE: Final = "tenant = ? AND integration = ? AND kind = ?"
KEY: Final = (*REF, EntityKind.USERS.value)
LOOK_UP: Final = (
    f"SELECT source_id, hash FROM links WHERE {SCOPE} AND source_id IN (SELECT value FROM json_each(?))"  # noqa: S608 - constants
)
MARK: Final = f"UPDATE links SET seen = ? WHERE {SCOPE} AND source_id = ?"  # noqa: S608 - constants


async def measure() -> Sequence[Comparison]:
    """Two sizes: what a record costs, and whether memory grows with their number."""
    return [comparison for size in SIZES for comparison in await _compare(size)]


async def _compare(size: int) -> Sequence[Comparison]:
    with TemporaryDirectory(prefix="halo-bench-") as folder:
        ours, theirs = Path(folder, "product.db"), Path(folder, "peer.db")
        await _remember(ours, size, lambda record: wish(record, MAPPING).hash)
        await _remember(theirs, size, _fingerprint)
        product, peer = await race(partial(_second_run, ours, size), partial(_bare_loop, theirs, size))
    what = f"{size:,} unchanged records"
    return [
        speed(what, AGAINST, product, peer),
        Comparison(f"{what}, memory above idle", "MiB", _above_idle(product), _above_idle(peer), AGAINST),
    ]


def _second_run(file: Path, size: int) -> Work:
    records = _records(size)
    halo = tenant("https://nobody.example").halo
    assignment = Assignment(tenant=REF.tenant, halo=halo, integration=SPEC, mode=Mode.FULL)
    fences = count(FIRST_FENCE + 1)

    async def run() -> int:
        async with open_links(file) as links, open_workspace() as workspace:
            own = links.of(REF, next(fences))
            attempt = Attempt(assignment, Memory(records), Untouched(), own, workspace, Quiet(), Always())
            await sync(attempt)
            return attempt.ledger.of(EntityKind.USERS).unchanged

    return lambda: asyncio.run(run())


def _bare_loop(file: Path, size: int) -> Work:
    records = _records(size)
    fences = count(FIRST_FENCE + 1)

    def run() -> int:
        fence, unchanged = next(fences), 0
        with closing(sqlite3.connect(file, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous=NORMAL")
            for start in range(0, size, BATCH):
                hashes = {record.id: _fingerprint(record) for record in records[start : start + BATCH]}
                known = db.execute(LOOK_UP, (*KEY, json.dumps(list(hashes))))
                unchanged += sum(hashes[source_id] == digest for source_id, digest in known)
                db.execute("BEGIN IMMEDIATE")
                db.executemany(MARK, [(fence, *KEY, source_id) for source_id in hashes])
                db.execute("COMMIT")
        return unchanged

    return run


async def _remember(file: Path, size: int, hash_of: Callable[[SourceRecord], str]) -> None:
    """What a first run would have left in the link store."""
    async with open_links(file) as links:
        await links.of(REF, FIRST_FENCE).save(
            [
                Link(record.kind, record.id, number, hash=hash_of(record), active=True, name=record.name)
                for number, record in enumerate(_records(size), start=1)
            ]
        )


def _records(size: int) -> list[SourceRecord]:
    people = map(person, range(size))
    return [SourceRecord(EntityKind.USERS, one["uid"], one["cn"], one) for one in people]


def _fingerprint(record: SourceRecord) -> str:
    content = json.dumps(sorted(record.attributes.items())).encode()
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _above_idle(laps: Sequence[Lap]) -> Sequence[float]:
    return [laps[-1].peak - laps[-1].idle]
