"""A pass of the scheduler when all integrations are due in the same minute, against the bare rows that it must leave."""

import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sqlalchemy import event
from sqlalchemy.engine import Engine

from bench.rounds import Comparison
from bench.specs import GROUP, REF, integration, tenant
from halo_controller.scheduler import Scheduler
from halo_controller.store import integrations, outbox, tenants
from halo_controller.store.database import Database, open_database
from halo_shared.clock import SystemClock
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrations import IntegrationSpec

DUE: Final = (1_000, 10_000)
ROWS: Final = 4
"""That are left for each: a run, its job, what is said of it, and the next moment."""


async def measure() -> Sequence[Comparison]:
    """On SQLite, one pass each: what is due is due once."""
    return [comparison for due in DUE for comparison in await _with(due)]


async def _with(due: int) -> Sequence[Comparison]:
    with TemporaryDirectory(prefix="halo-bench-") as name:
        folder = Path(name)
        async with _furnished(folder / "controller.db", due) as (database, clock):
            scheduler = Scheduler(database, lambda: None, clock)
            await scheduler.tick()  # works out when each is due, and opens none
            clock.put_ahead_to_the_full_hour()
            with _statements() as made:
                began = time.perf_counter()
                await scheduler.tick()
                seconds = time.perf_counter() - began
            async with database.read() as db:
                opened = await outbox.count(db) // 2  # a job, and the word that it is queued
            if opened != due:
                raise RuntimeError(f"{opened} of {due} runs were opened")
        bare = _bare(folder / "bare.db", due)
    against = f"{ROWS} bare inserts each, one transaction"
    return [
        Comparison(f"a pass with {due:,} due", "s", [seconds], [bare], against),
        Comparison(f"statements for each of {due:,}", "", [len(made) / due], [float(ROWS)], against),
    ]


class _Clock(SystemClock):
    """The machine's clock, put ahead."""

    _ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self._ahead

    def put_ahead_to_the_full_hour(self) -> None:
        """To the next one."""
        now = super().now()
        self._ahead = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1) - now


@asynccontextmanager
async def _furnished(path: Path, due: int) -> AsyncIterator[tuple[Database, _Clock]]:
    clock = _Clock()
    async with open_database(path) as database:
        async with database.write() as db:
            await tenants.add(db, tenant("https://nobody.example"), clock.now())
            await tenants.add_group(db, GROUP, "", clock.now())
            for number in range(due):
                spec = integration("/nobody.csv", f"people-{number}").model_dump(mode="json", by_alias=True)
                hourly = IntegrationSpec.model_validate({**spec, "schedule": {"cron": "0 * * * *"}})
                await integrations.add(db, REF.tenant, hourly, clock.now())
                await integrations.switch(db, IntegrationRef(REF.tenant, hourly.name), enabled=True)
        yield database, clock


@contextmanager
def _statements() -> Iterator[list[str]]:
    """All statements that go to any database meanwhile."""
    made: list[str] = []

    def note(*arguments: object) -> None:
        made.append(str(arguments[2]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield made
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _bare(path: Path, due: int) -> float:
    """Seconds."""
    row = ("acme", "people", datetime.now(UTC).isoformat(), b"x" * 300)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        for table in range(ROWS):
            db.execute(f"CREATE TABLE t{table} (id INTEGER PRIMARY KEY, a TEXT, b TEXT, c TEXT, d BLOB)")
        began = time.perf_counter()
        with db:
            for _ in range(due):
                for table in range(ROWS):
                    db.execute(f"INSERT INTO t{table} (a, b, c, d) VALUES (?, ?, ?, ?)", row)  # noqa: S608 - our own
        return time.perf_counter() - began
