"""How the controller's process ends when its broker takes something away from it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika

from halo_shared.topology import EVENTS_QUEUE
from tests.support.commands import Desk

SECONDS_TO_END = 30


async def test_a_controller_of_which_a_part_died_ends_with_the_reason(
    tmp_path: Path, broker_url: str
) -> None:
    here = Desk(tmp_path, broker_url)
    async with here.serving() as controller:
        async with channel(broker_url) as broker:
            await broker.queue_delete(EVENTS_QUEUE.name)
        assert await asyncio.to_thread(controller.wait, SECONDS_TO_END) == 1

    last = (tmp_path / "controller.log").read_text().splitlines()[-1]
    assert last.startswith("The controller stopped, because a part of it failed: Unroutable: ")
    assert not (here.data / "address").exists()
    async with here.serving():  # whoever starts it again finds it whole
        assert (await here.type("health")).code == 0


async def test_a_broker_that_refuses_the_password_is_told(tmp_path: Path, broker_url: str) -> None:
    password = urlsplit(broker_url).password
    assert password
    here = Desk(tmp_path, broker_url.replace(password, "wrong-password"))

    said = await here.type("serve", "--port", "0")

    assert said.code == 3
    assert "refused the user name or password." in said.err.splitlines()[-1]
    assert "wrong-password" not in said.err
    assert "Traceback" not in said.err


@asynccontextmanager
async def channel(url: str) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    async with await aio_pika.connect(url) as connection:
        yield await connection.channel()
