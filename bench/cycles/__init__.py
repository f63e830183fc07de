"""Whole life cycles of jobs, from trigger to stored success, against task queues that are told to lose nothing."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.cycles.product import product
from bench.cycles.side import Side
from bench.rounds import Comparison, alternate, p50, p99
from halo_sandbox.services import postgres
from halo_sandbox.services.processes import NotInstalledError, in_own_thread
from halo_sandbox.services.rabbitmq import private_rabbitmq

try:
    from bench.cycles.with_celery import celery
    from bench.cycles.with_taskiq import taskiq
except ImportError as error:
    raise NotInstalledError(f"its peers are not installed ({error}); make bench brings them") from error


async def measure() -> Sequence[Comparison]:
    """On SQLite and on PostgreSQL; all over the same private broker."""
    return [*await _on_sqlite(), *await _on_postgres()]


async def _on_sqlite() -> Sequence[Comparison]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="halo-bench-")))
        broker = await stack.enter_async_context(private_rabbitmq())
        ours = await stack.enter_async_context(product(broker.url, folder / "controller.db", folder))
        theirs = await stack.enter_async_context(celery(broker.url, folder / "celery.db", folder))
        return await _compared("SQLite", ours, {"Celery": theirs})


async def _on_postgres() -> Sequence[Comparison]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="halo-bench-")))
        broker = await stack.enter_async_context(private_rabbitmq())
        server = await stack.enter_async_context(in_own_thread(postgres.serving()))
        ours = await stack.enter_async_context(product(broker.url, server.create("controller"), folder))
        peers = {
            "Celery": await stack.enter_async_context(celery(broker.url, server.create("celery"), folder)),
            "taskiq": await stack.enter_async_context(taskiq(broker.url, server.create("taskiq"), folder)),
        }
        return await _compared("PostgreSQL", ours, peers)


async def _compared(where: str, ours: Side, peers: dict[str, Side]) -> Sequence[Comparison]:
    sides = [ours, *peers.values()]
    rate, *rates = await alternate(*(side.rate for side in sides))
    delay, *delays = await alternate(*(side.delays for side in sides))
    whole, begun = f"whole cycle, {where}", f"trigger to work, {where}"
    return [
        *(
            Comparison(whole, "cycles/s", rate, theirs, name)
            for name, theirs in zip(peers, rates, strict=True)
        ),
        *(
            Comparison(f"{begun}, {which}", "ms", figure(delay), figure(theirs), name)
            for name, theirs in zip(peers, delays, strict=True)
            for which, figure in (("p50", p50), ("p99", p99))
        ),
    ]
