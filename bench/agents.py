"""Many agents that wait for work: what they cost idle, and how long they take to come and to come back."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import httpx
from sqlalchemy import func, select

from bench.centre import Estate, controlling
from bench.programs import at_work
from bench.rounds import Comparison
from bench.specs import tenant
from halo_controller.store.tables import agents
from halo_sandbox.services.rabbitmq import PrivateRabbitMQ, private_rabbitmq
from halo_sandbox.services.rabbitmq_node import USER
from halo_shared.topology import agent_queue
from halo_shared.transport.amqp import AmqpTransport

MANY: Final = int(os.environ.get("AGENTS", "1000"))
"""How many agents."""
PROCESSES: Final = 4
IDLE: Final = 20.0
"""Seconds over which they are watched while they wait: each says twice that it lives."""
WITHIN: Final = 600.0
AGAINST: Final = "bare aio-pika consumers"

AllThere = Callable[[datetime], Awaitable[bool]]
"""Whether each of them has been there since this time."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of one side."""

    came: float
    broker_memory: float
    centre_memory: float
    broker_load: float
    centre_load: float
    back: float


async def measure() -> Sequence[Comparison]:
    """One round each, on a broker of its own: real agents with a controller, and consumers that do nothing."""
    ours, theirs = await _side(_agents), await _side(_bare)
    each = f"{MANY:,} agents"
    return [
        Comparison(f"{each}: all are there", "s", [ours.came], [theirs.came], AGAINST),
        Comparison("broker's memory for each", "KiB", [ours.broker_memory], [theirs.broker_memory], AGAINST),
        Comparison(
            "controller's memory for each", "KiB", [ours.centre_memory], [theirs.centre_memory], "nothing"
        ),
        Comparison("broker, idle", "% of a core", [ours.broker_load], [theirs.broker_load], AGAINST),
        Comparison("controller, idle", "% of a core", [ours.centre_load], [theirs.centre_load], "nothing"),
        Comparison("broker restarted to all back", "s", [ours.back], [theirs.back], AGAINST),
    ]


async def _side(
    coming: Callable[[PrivateRabbitMQ, Path, AsyncExitStack], Awaitable[AllThere]],
) -> Found:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="halo-bench-")))
        broker = await stack.enter_async_context(private_rabbitmq(management=True))
        before, began = (_memory(broker.pid), _memory(os.getpid())), time.monotonic()
        there = await coming(broker, folder, stack)
        await _until(there, datetime.now(UTC))
        came = time.monotonic() - began
        worked, centre = _worked(broker.pid), time.process_time()
        await asyncio.sleep(IDLE)
        loads = (_worked(broker.pid) - worked) / IDLE, (time.process_time() - centre) / IDLE
        grown = (_memory(broker.pid) - before[0]) / MANY, (_memory(os.getpid()) - before[1]) / MANY
        began = time.monotonic()
        await broker.restart()
        await _until(there, datetime.now(UTC))
        back = time.monotonic() - began
    return Found(came, *grown, loads[0] * 100, loads[1] * 100, back)


async def _agents(broker: PrivateRabbitMQ, folder: Path, stack: AsyncExitStack) -> AllThere:
    names = [f"agent-{number}" for number in range(MANY)]
    estate = Estate(tenant("https://nobody.example"), [], names)
    transport = await stack.enter_async_context(AmqpTransport(broker.url, name="bench controller"))
    controller = await stack.enter_async_context(controlling(folder / "controller.db", transport, estate))
    # An agent that finds no queue of its own takes it that nobody registered it.
    while await transport.depth(agent_queue(max(names))) is None:  # noqa: ASYNC110 - the broker tells nobody
        await asyncio.sleep(0.1)
    for first in range(PROCESSES):
        crew = ("bench.crew", broker.url, str(folder), "1", *names[first::PROCESSES])
        await stack.enter_async_context(at_work(folder, *crew))

    async def all_heard(since: datetime) -> bool:
        heard = select(func.count()).where(agents.c.session.is_not(None), agents.c.seen_at > since)
        async with controller.database.read() as db:
            return await db.scalar(heard) == MANY

    return all_heard


async def _bare(broker: PrivateRabbitMQ, folder: Path, stack: AsyncExitStack) -> AllThere:
    names = [f"agent-{number}" for number in range(MANY)]
    for first in range(PROCESSES):
        await stack.enter_async_context(at_work(folder, "bench.crowd", broker.url, *names[first::PROCESSES]))
    client = await stack.enter_async_context(_management(broker))

    async def all_consuming(_since: datetime) -> bool:
        answer = await client.get("/api/overview")
        return answer.is_success and answer.json()["object_totals"]["consumers"] >= MANY

    return all_consuming


@asynccontextmanager
async def _management(broker: PrivateRabbitMQ) -> AsyncIterator[httpx.AsyncClient]:
    node = broker.node
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{node.management_port}",
        auth=(USER, node.password),
        trust_env=False,
        timeout=30,
    ) as client:
        yield client


async def _until(there: AllThere, since: datetime) -> None:
    async with asyncio.timeout(WITHIN):
        while not await there(since):  # noqa: ASYNC110 - other processes make it so
            await asyncio.sleep(0.5)


def _memory(pid: int) -> float:
    """KiB that a process has in memory."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return float(lines["VmRSS"].split()[0])


def _worked(pid: int) -> float:
    """Seconds for which a process has used a core."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
