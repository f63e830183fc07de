"""One product per test, on a virtual host of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

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
    async with product(broker_url, tmp_path) as whole, tcp_proxy(broker_url) as line:
        with whole.having({"HALO_BROKER_URL": line.url}):
            await whole.installed()
        yield whole, line
