"""The in-memory transport keeps the contract."""

import pytest

from halo_shared.topology import BURIED, BURIED_QUEUE
from halo_shared.transport.memory import MemoryTransport
from tests.contract.transport import (
    DIRECT,
    TO_WORK,
    WORK,
    Reasons,
    TransportContract,
    arrival,
    envelope,
)


@pytest.fixture
def transport() -> MemoryTransport:
    return MemoryTransport()


@pytest.fixture
def reasons(transport: MemoryTransport) -> Reasons:
    async def read() -> list[str]:
        return [stored.why for stored in transport.buried()]

    return read


class TestMemoryTransport(TransportContract):
    """Nothing to add."""


async def test_it_counts_what_is_out_and_was_not_settled(transport: MemoryTransport) -> None:
    await transport.declare(DIRECT, BURIED, BURIED_QUEUE, WORK)
    for text in ("1", "2"):
        await transport.publish(envelope(text), TO_WORK)

    async with transport.consume(WORK, prefetch=2) as deliveries:
        first, second = await arrival(deliveries), await arrival(deliveries)
        out = [transport.unsettled]
        await first.done()
        out.append(transport.unsettled)
        await second.bury("because")
        out.append(transport.unsettled)

    assert out == [2, 1, 0]


async def test_nothing_is_buried_where_nothing_can_be(transport: MemoryTransport) -> None:
    assert transport.buried() == []
