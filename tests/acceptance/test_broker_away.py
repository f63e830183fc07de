"""The broker is gone for a while, with real processes, and afterwards all is well."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from halo_sandbox.services import rabbitmq
from halo_sandbox.services.rabbitmq import PrivateRabbitMQ
from tests.acceptance.afterwards import all_is_well
from tests.acceptance.timelines import in_the_middle
from tests.support.product import Product, product
from tests.support.services import needed

pytestmark = [pytest.mark.timeout(400), pytest.mark.broker]


@pytest.fixture(scope="module")
def mortal_broker() -> Iterator[PrivateRabbitMQ]:
    """A broker that these tests may kill."""
    with needed(), rabbitmq.serving(management=True) as broker:
        yield broker


@pytest.fixture
async def office(mortal_broker: PrivateRabbitMQ, tmp_path: Path) -> AsyncIterator[Product]:
    """A controller and an agent that is online, on a broker of their own."""
    async with mortal_broker.vhost() as url, product(url, tmp_path) as whole:
        await whole.installed()
        yield whole


async def test_the_broker_is_killed_and_comes_back(office: Product, mortal_broker: PrivateRabbitMQ) -> None:
    ref = await in_the_middle(office)
    await mortal_broker.kill()
    await asyncio.sleep(10)  # longer than any pause before a first try to reconnect
    await office.well_again()
    await mortal_broker.restart()

    run = await all_is_well(office, ref)

    assert (run["status"], run["attempt"]) == ("succeeded", 1), "an outage of the broker stops no sync"
