"""What the failure timelines share: a run in the middle of its work, and what is to be waited for."""

import asyncio
from typing import Final

from halo_sandbox.demo.world import Json, until
from tests.support.product import Product
from tests.support.proxy import TcpProxy

Far = tuple[Product, TcpProxy]
"""An office, and the line between its agent and the broker."""

LOST_WITHIN: Final = 75.0
"""Real seconds: the 60 that are promised, and what a busy machine adds."""


async def in_the_middle(office: Product) -> str:
    """A run that has written some and is at work on more; answers with its integration."""
    ref = await office.enable(office.people.integration)
    await office.fault(kind="slow", seconds=2, times=1000, method="POST", path="/api/users")
    await office.start(ref)
    await until(lambda: holds_some(office))
    return ref


async def holds_some(office: Product) -> bool:
    """Whether something has been written."""
    return bool(await office.held("users"))


async def latest(office: Product, ref: str) -> Json:
    """The latest run of an integration."""
    return (await office.ask("/runs", integration=ref.partition("/")[2], limit=1))[0]


async def first_attempt_lost(office: Product, ref: str) -> None:
    """Return once the centre has given the first attempt up."""

    async def lost() -> bool:
        run = await latest(office, ref)
        attempts = (await office.ask(f"/runs/{run['id']}"))["attempts"]
        return bool(attempts) and str(attempts[0]["end"]).startswith("lost: ")

    await until(lost, within=LOST_WITHIN)


async def has_said(office: Product, program: str, word: str, *, within: float = 30) -> None:
    """Return in the very moment at which a program writes this word into its log."""
    log = office.folder / f"{program}.log"
    async with asyncio.timeout(within):
        while word not in log.read_text():  # noqa: ASYNC110  another process writes it
            await asyncio.sleep(0.001)
