"""What a deputy says, over a connection of its own."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from uuid import UUID, uuid4

from halo_agent.deputy import Orders
from halo_shared import logs
from halo_shared.errors import HaloIntegratorError
from halo_shared.messages.codec import seal
from halo_shared.messages.requests import Goodbye, Heartbeat
from halo_shared.redaction import Redactor
from halo_shared.topology import TO_CONTROLLER
from halo_shared.transport.amqp import AmqpTransport

log = logs.get(__name__)

LOOK_EVERY: Final = 0.2
"""Seconds between looks whether the agent moves again."""
GOODBYE_WITHIN: Final = 5.0


async def stand_in(orders: Orders, said: dict[str, Any], moved_at: float, moves: Callable[[], bool]) -> None:
    """Say heartbeats in the agent's place until it moves again."""
    logs.configure(Redactor())
    log.warning("agent_stalled", agent=orders.agent, seconds=round(time.monotonic() - moved_at))
    async with AmqpTransport(orders.broker_url, name=f"halo-agent {orders.agent} deputy") as transport:
        while not moves():
            beat = Heartbeat.model_validate(
                said | {"ask": uuid4(), "stalled": round(time.monotonic() - moved_at, 1)}
            )
            try:
                await transport.publish(seal(beat, message_id=str(beat.ask)), TO_CONTROLLER)
            except HaloIntegratorError as error:
                log.info("request_unsent", kind=beat.kind, why=error.message)
            await _until(moves, orders.every)
    log.info("agent_moves_again", agent=orders.agent, seconds=round(time.monotonic() - moved_at))


async def say_goodbye(orders: Orders) -> None:
    """Let the controller know at once that the agent has ended, if the broker is there."""
    logs.configure(Redactor())
    goodbye = Goodbye(agent=orders.agent, session=UUID(orders.session))
    with suppress(HaloIntegratorError, TimeoutError):
        async with (
            asyncio.timeout(GOODBYE_WITHIN),
            AmqpTransport(orders.broker_url, name=f"halo-agent {orders.agent} deputy") as transport,
        ):
            await transport.publish(seal(goodbye, message_id=str(uuid4())), TO_CONTROLLER)


async def _until(moves: Callable[[], bool], seconds: float) -> None:
    """Wait so long, or until the agent moves."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not moves():  # noqa: ASYNC110  a thread that reads a pipe sees it first
                await asyncio.sleep(LOOK_EVERY)
