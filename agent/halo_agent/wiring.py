"""What an agent is made of, and what runs in it: read this first."""

import asyncio
from contextlib import AsyncExitStack
from importlib.metadata import version
from typing import Final
from uuid import uuid4

from halo_agent import connectors, metrics
from halo_agent.attempts import Attempts
from halo_agent.checks import Checks
from halo_agent.deputy import Orders
from halo_agent.jobs.sync import SyncJobs
from halo_agent.leases import Leases
from halo_agent.pulse import Pulse
from halo_agent.reporter import Reports
from halo_agent.sender import Sender
from halo_agent.session import Session, introduce
from halo_agent.settings import Settings, environment
from halo_agent.stopping import Stopping
from halo_agent.store.instances import open_instances
from halo_agent.store.links import open_links
from halo_agent.store.outbox import open_outbox
from halo_agent.worker import Worker
from halo_shared import logs
from halo_shared.clock import Clock
from halo_shared.redaction import Redactor
from halo_shared.secrets import LocalSecrets
from halo_shared.transport import Transport

log = logs.get(__name__)

LAST_WORDS: Final = 10.0
"""Seconds that a stopping agent gives its last events to reach the broker."""


async def run(
    settings: Settings,
    transport: Transport,
    clock: Clock,
    redactor: Redactor,
    stopping: Stopping,
    *,
    deputised: bool,
) -> None:
    """An agent at work until it is told to stop; its last events are sent, or kept for the next start.

    `deputised` gives it a process that speaks in its place when it can't, which needs a real broker.
    """
    async with AsyncExitStack() as stack:
        outbox = await stack.enter_async_context(
            open_outbox(settings.data / "spool.db", settings.spool_limit)
        )
        links = await stack.enter_async_context(open_links(settings.data / "links.db"))
        instances = await stack.enter_async_context(open_instances(settings.data / "instances.db"))
        secrets = LocalSecrets(settings.secrets_file, environment(), redactor)
        hello = introduce(
            settings.name,
            uuid4(),
            version=version("halo-integrator-agent"),
            slots=settings.slots,
            connectors=connectors.announced(),
        )
        leases = Leases(settings.name, hello.session, transport, clock)
        session = Session(hello, transport, leases, outbox, clock)
        stack.enter_context(metrics.served(settings.metrics_host, settings.metrics_port, session.vitals))
        jobs = SyncJobs(links, instances, secrets, clock, redactor)
        reports = Reports(settings.name, outbox, clock, redactor)
        worker = Worker(transport, leases, Attempts(leases, jobs.run, reports.of, redactor), settings.slots)
        session.tell(worker.doing)
        session.on_drain(worker.rest)
        session.on_offer(worker.offered)
        checks = Checks(hello, secrets, transport, clock, redactor)
        session.on_check(checks.ask)
        sender = Sender(outbox, transport, clock)

        async with asyncio.TaskGroup() as loops:
            background = [
                loops.create_task(session.listen(), name="commands"),
                loops.create_task(session.beat(), name="heartbeat"),
                loops.create_task(sender.run(), name="sender"),
                loops.create_task(_check(session, checks), name="checks"),
                loops.create_task(_stop(worker, stopping), name="stopping"),
            ]
            pulse = loops.create_task(_pulse(settings, session, clock, deputised=deputised), name="pulse")
            await _work(session, worker, stopping)
            for task in background:
                task.cancel()
            await sender.drain(LAST_WORDS)
            pulse.cancel()  # last: its goodbye ends the session


async def _work(session: Session, worker: Worker, stopping: Stopping) -> None:
    """Once welcome, work until drained."""
    welcomed = asyncio.create_task(session.welcomed())
    stopped = asyncio.create_task(stopping.drain.wait())
    try:
        await asyncio.wait({welcomed, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if welcomed.done():
            await worker.run(welcomed.result().group)
    finally:
        welcomed.cancel()
        stopped.cancel()


async def _check(session: Session, checks: Checks) -> None:
    """Once welcome, try what the controller wants tried."""
    await checks.run(await session.welcomed())


async def _pulse(settings: Settings, session: Session, clock: Clock, *, deputised: bool) -> None:
    """Once welcome, have a deputy."""
    welcome = await session.welcomed()
    if not deputised:
        return
    orders = Orders(settings.broker_url, settings.name, str(welcome.session), every=welcome.heartbeat_seconds)
    await Pulse(orders, lambda: session.heartbeat(ask=uuid4()), clock).run()


async def _stop(worker: Worker, stopping: Stopping) -> None:
    """Stopping is not cancelling: asked once, finish what runs; asked twice, cut it short."""
    await stopping.drain.wait()
    log.info("agent_drains", finishes=worker.doing())
    worker.drain()
    await stopping.cancel.wait()
    log.warning("agent_cuts_short", cuts_short=worker.doing())
    worker.cancel()
