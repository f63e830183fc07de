"""An agent's parts around a broker in memory, with a controller at the other end."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from halo_agent.store.outbox import Outbox, open_outbox
from halo_shared.transport.memory import MemoryTransport
from tests.support.agent import Agents
from tests.support.clock import ManualClock
from tests.support.controller_double import ControllerDouble, controlling


@pytest.fixture
async def transport() -> AsyncIterator[MemoryTransport]:
    """A broker; a delivery that nobody settled fails the test."""
    transport = MemoryTransport()
    yield transport
    assert transport.unsettled == 0


@pytest.fixture
async def controller(transport: MemoryTransport) -> AsyncIterator[ControllerDouble]:
    """A controller that knows the agents `one` and `two`."""
    async with controlling(transport, "one", "two") as controller:
        yield controller


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    """An outbox that nobody sends from."""
    async with open_outbox(tmp_path / "spool.db", limit=1000) as outbox:
        yield outbox


@pytest.fixture
async def agents(
    transport: MemoryTransport, outbox: Outbox, controller: ControllerDouble
) -> AsyncIterator[Agents]:
    """Agents that work; those that a test leaves at work are ended."""
    agents = Agents(transport, outbox)
    yield agents
    await agents.stop()
