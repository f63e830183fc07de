"""A controller in parts, for every test of this folder that asks for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.clock import ManualClock
from tests.unit.controller.centre import Centre, a_centre


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def centre(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Centre]:
    async with a_centre(tmp_path / "controller.db", clock) as one:
        yield one
