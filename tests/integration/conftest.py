"""A controller with its REST API, for every test of this folder that asks for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.rest import Office, an_office


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with an_office(tmp_path / "controller") as office:
        yield office
