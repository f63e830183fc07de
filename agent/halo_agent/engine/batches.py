"""Some at a time: what crosses a thread, or the network, is dear one by one."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final, TypeVar

T = TypeVar("T")

BATCH: Final = 500
"""Records that are looked up, kept or handed on together."""


async def batched(items: AsyncIterator[T], size: int = BATCH) -> AsyncGenerator[list[T], None]:
    """The items in their order, so many at a time."""
    batch: list[T] = []
    async for item in items:
        batch.append(item)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch
