"""One product per test, on a virtual host of its own."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.product import Product, product
from tests.support.proxy import TcpProxy, tcp_proxy


@pytest.fixture
async def office(broker_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    """A controller and an agent that is online."""
    async with product(broker_url, tmp_path) as whole:
        await whole.installed()
        yield whole


@pytest.fixture
async def far_office(broker_url: str, tmp_path: Path) -> AsyncIterator[tuple[Product, TcpProxy]]:
    """The same, with a line between agent and broker that can be cut."""
    broker = urlsplit(broker_url)
    async with (
        product(broker_url, tmp_path) as whole,
        tcp_proxy(str(broker.hostname), int(broker.port or 5672)) as line,
    ):
        by_line = broker._replace(netloc=broker.netloc.replace(f":{broker.port}", f":{line.port}"))
        with whole.having({"HALO_BROKER_URL": by_line.geturl()}):
            await whole.installed()
        yield whole, line
