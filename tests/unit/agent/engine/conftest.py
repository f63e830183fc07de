"""A Halo in memory, and the agent's real link store and workspace."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.engine import World, open_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """An empty Halo, and an agent that knows nothing of it yet."""
    async with open_world(tmp_path / "links.db") as world:
        yield world
