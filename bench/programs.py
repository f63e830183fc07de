"""Workers as processes of their own, of the product and of its peers."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from halo_sandbox.services import processes

ROOT: Final = Path(__file__).parents[1]


@asynccontextmanager
async def at_work(folder: Path, *arguments: str, **environment: str) -> AsyncIterator[int]:
    """`python -m ...` until the block is left; its process id."""
    child = processes.child(
        (sys.executable, "-m", *arguments),
        folder=ROOT,
        output=folder / f"{arguments[0]}.log",
        env=os.environ | environment,
    )
    async with processes.in_own_thread(child) as process:
        yield process.pid
