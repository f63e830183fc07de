"""Celery, told to lose nothing; its worker: `python -m bench.cycles.with_celery BROKER RESULTS`."""

import asyncio
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final

from celery import Celery

from bench.cycles.side import CYCLES, Side
from bench.cycles.stores import counting
from bench.programs import at_work

PREFETCH: Final = 25
"""Of each of its two processes."""
WORK: Final = "bench.work"


@asynccontextmanager
async def celery(broker: str, results: Path | str, folder: Path) -> AsyncIterator[Side]:
    """A worker of two processes, its results in this SQLite file or PostgreSQL database."""
    if isinstance(results, Path):
        with closing(sqlite3.connect(results)) as db:
            db.execute("PRAGMA journal_mode=WAL")
    backend = f"db+sqlite:///{results}" if isinstance(results, Path) else f"db+{results}"
    driven = backend.removeprefix("db+").replace("sqlite:", "sqlite+aiosqlite:", 1)
    driven = driven.replace("postgresql:", "postgresql+asyncpg:", 1)
    app = _app(broker, backend)

    async def all_of_them() -> None:
        await asyncio.to_thread(lambda: [app.send_task(WORK) for _ in range(CYCLES)])

    async def one() -> float:
        began = time.time()
        worked_at: float = await asyncio.to_thread(lambda: app.send_task(WORK).get(timeout=60, interval=0.05))
        return (worked_at - began) * 1000

    async with (
        at_work(folder, "bench.cycles.with_celery", broker, backend),
        counting(driven, "celery_taskmeta", "status = 'SUCCESS'") as stored,
    ):
        await one()
        yield Side(all_of_them, stored, one)


def _app(broker: str, results: str) -> Any:  # Any: it ships no types
    app = Celery("bench", broker=broker, backend=results)
    app.conf.update(
        broker_transport_options={"confirm_publish": True},
        broker_connection_retry_on_startup=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_track_started=True,
        worker_prefetch_multiplier=PREFETCH,
        database_engine_options={"connect_args": {"timeout": 30}} if "sqlite" in results else {},
    )
    return app


def _work() -> float:
    """When it was worked on."""
    return time.time()


if __name__ == "__main__":
    worker = _app(*sys.argv[1:])
    worker.task(_work, name=WORK)
    worker.worker_main(
        ["worker", "--concurrency=2", "--loglevel=WARNING", "--without-gossip", "--without-mingle"]
    )
