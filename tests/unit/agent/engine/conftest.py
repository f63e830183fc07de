"""A Halo in memory, and the agent's real link store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from halo_agent.store.links import open_links
from tests.support.engine import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """An empty Halo, and an agent that knows nothing of it yet."""
    async with open_links(tmp_path / "links.db") as store:
        yield World(store)
