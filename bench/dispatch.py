"""From opening a run to the agent that has its lease, against a bare round trip of two messages."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench import bare
from bench.agent import at_work
from bench.centre import Estate, controlling
from bench.people import person
from bench.rounds import Comparison, alternate, p50, p99
from bench.specs import AGENT, REF, integration, tenant
from bench.waiting import until
from halo_controller.dispatcher import open_run
from halo_controller.nouns import Trigger
from halo_controller.store import agents, events, runs
from halo_controller.wiring import Controller
from halo_sandbox import server
from halo_sandbox.services.rabbitmq import private_rabbitmq
from halo_shared.messages.events import Started
from halo_shared.runs import RunStatus
from halo_shared.transport.amqp import AmqpTransport

TIMES: Final = 20
"""A round; 100 in those that count."""
MILLISECOND: Final = timedelta(milliseconds=1)
AGAINST: Final = "bare round trip, two messages"

Once = Callable[[], Awaitable[float]]
"""Does it once and says how many milliseconds it took."""


async def measure() -> Sequence[Comparison]:
    """Both over the same private broker; the agent is a process of its own."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="halo-bench-")))
        broker = await stack.enter_async_context(private_rabbitmq())
        product = await stack.enter_async_context(_product(broker.url, folder))
        peer = await stack.enter_async_context(bare.round_trips(broker.url))
        ours, theirs = await alternate(_round_of(product), _round_of(peer))
    what = "run opened to lease held"
    return [
        Comparison(f"{what}, p50", "ms", p50(ours), p50(theirs), AGAINST),
        Comparison(f"{what}, p99", "ms", p99(ours), p99(theirs), AGAINST),
    ]


@asynccontextmanager
async def _product(url: str, folder: Path) -> AsyncIterator[Once]:
    table = folder / "people.csv"
    table.write_text(f"{','.join(person(0))}\n{','.join(person(0).values())}\n", encoding="utf-8")
    async with (
        AmqpTransport(url, name="bench controller") as transport,
        server.running() as halo,
        controlling(
            folder / "controller.db", transport, Estate(tenant(halo.url), [integration(str(table))])
        ) as controller,
        at_work(url, folder, halo.settings.client_secret),
    ):

        async def online() -> bool:
            async with controller.database.read() as db:
                return (await agents.get(db, AGENT)).session is not None

        await until(online, look_every=0.1)
        yield lambda: _dispatch(controller)


async def _dispatch(controller: Controller) -> float:
    """Open a run as the API does, see it through to its end, and find out when its agent could start."""
    async with controller.database.write() as db:
        run = await open_run(db, REF, Trigger.PERSON, "it is measured", controller.clock.now())
    controller.publisher.wake()

    async def ended() -> bool:
        async with controller.database.read() as db:
            return (await runs.get(db, run.id)).status.ended

    await until(ended, look_every=0.05)
    async with controller.database.read() as db:
        status = (await runs.get(db, run.id)).status
        said = await events.of_run(db, run.id)
    if status is not RunStatus.SUCCEEDED:
        raise RuntimeError(f"a run {status}: {said[-1].text}")
    started = next(event for event in said if isinstance(event, Started))
    return (started.at - run.queued_at) / MILLISECOND


def _round_of(once: Once) -> Callable[[], Awaitable[list[float]]]:
    async def some() -> list[float]:
        return [await once() for _ in range(TIMES)]

    return some
