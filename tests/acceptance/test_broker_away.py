"""The broker is gone for a while, with real processes, and afterwards all is well."""

import asyncio
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from halo_sandbox.services import rabbitmq
from halo_sandbox.services.rabbitmq import PrivateRabbitMQ
from tests.acceptance.afterwards import all_is_well
from tests.acceptance.timelines import has_said, in_the_middle
from tests.support.product import Product, product
from tests.support.services import needed

OUTAGE: Final = float(os.environ.get("OUTAGE_SECONDS", "10"))
"""Longer than any pause before a first try to reconnect; give it 600 to see the longest pauses and an expired job."""

pytestmark = [pytest.mark.timeout(400 + OUTAGE), pytest.mark.broker]


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
    await office.well_again()
    await has_said(office, "agent", "attempt_ended")
    told = spooled(office)
    await asyncio.sleep(OUTAGE)
    await mortal_broker.restart()

    run = await all_is_well(office, ref)

    assert (run["status"], run["attempt"]) == ("succeeded", 1), "an outage of the broker stops no sync"
    assert told
    assert told <= stored(office), "what was said meanwhile was heard in the end"


def spooled(office: Product) -> set[str]:
    """The events that wait on the agent and are to be kept; how far it is is not."""
    with closing(sqlite3.connect(office.folder / "agent" / "spool.db")) as db:
        return {id_ for (id_,) in db.execute("SELECT message_id FROM spool WHERE kind != 'progress'")}


def stored(office: Product) -> set[str]:
    """The events that the controller has kept."""
    with closing(sqlite3.connect(office.folder / "controller" / "controller.db")) as db:
        return {json.loads(body)["id"] for (body,) in db.execute("SELECT body FROM events")}
