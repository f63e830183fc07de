"""Waiting for what another process or loop brings about."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

WITHIN: Final = 60.0
"""Seconds."""


async def until(condition: Callable[[], Awaitable[bool]], *, look_every: float) -> None:
    """Return once this is so; raises TimeoutError after a minute."""
    async with asyncio.timeout(WITHIN):
        while not await condition():  # noqa: ASYNC110 - a database brings no event to wait for
            await asyncio.sleep(look_every)
