"""Blocking reads, kept off the event loop."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

ItemT = TypeVar("ItemT")


async def from_thread(items: Generator[ItemT, None, None], *, at_a_time: int) -> AsyncGenerator[ItemT, None]:
    """What a blocking generator gives, run in a thread of its own and never more than a batch ahead."""
    loop = asyncio.get_running_loop()
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spreadsheet")
    try:
        while batch := await loop.run_in_executor(thread, _take, items, at_a_time):
            for item in batch:
                yield item
    finally:
        # Queued behind a batch that is still being read: cancelling does not stop a thread.
        thread.submit(items.close)
        thread.shutdown(wait=False)


def _take(items: Generator[ItemT, None, None], count: int) -> list[ItemT]:
    return list(islice(items, count))
