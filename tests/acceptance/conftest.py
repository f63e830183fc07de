"""One product per test, on a virtual host of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.product import Product, product


@pytest.fixture
async def office(broker_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    """A controller and an agent that is online."""
    async with product(broker_url, tmp_path) as whole:
        await whole.installed()
        yield whole
