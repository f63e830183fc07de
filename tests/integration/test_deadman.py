"""The dead man's switch, as an outside watcher sees it: a controller that cannot work is silent."""

import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from tests.support.commands import Desk
from tests.support.proxy import tcp_proxy
from tests.support.watcher import EVERY, Watch, Watcher, watching


@pytest.fixture
async def watcher() -> AsyncIterator[Watcher]:
    async with watching() as running:
        yield running


def watched(desk: Desk, watch: Watch) -> Desk:
    """The desk of a controller that is to call there."""
    desk.environment |= {
        "HALO_CONTROLLER_WATCHDOG_URL": watch.url,
        "HALO_CONTROLLER_WATCHDOG_SECONDS": str(EVERY),
    }
    return desk


async def test_a_controller_that_cannot_work_is_silent_until_it_can(
    tmp_path: Path, broker_url: str, watcher: Watcher
) -> None:
    async with tcp_proxy(broker_url) as line:
        watch = watcher.watch("controller")
        desk = watched(Desk(tmp_path, line.url), watch)
        async with desk.serving() as controller:
            await watch.until(up=True)
            await watch.until_called_again()

            controller.send_signal(signal.SIGSTOP)
            await watch.until(up=False)
            controller.send_signal(signal.SIGCONT)
            await watch.until(up=True)

            # Others may read a database that somebody has locked; nobody can write.
            with closing(sqlite3.connect(desk.data / "controller.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                await watch.until(up=False)
            await watch.until(up=True)

            line.cut()
            await watch.until(up=False)
            line.restore()
            await watch.until(up=True)

        await watch.until(up=False)


async def test_of_several_only_the_leader_calls(
    tmp_path: Path, broker_url: str, postgres_url: str, watcher: Watcher
) -> None:
    watches = {name: watcher.watch(name) for name in ("one", "two")}
    async with AsyncExitStack() as stack:
        processes = {}
        for name, watch in watches.items():
            (tmp_path / name).mkdir()
            desk = watched(Desk(tmp_path / name, broker_url, postgres_url), watch)
            processes[name] = await stack.enter_async_context(desk.serving())
        await watches["one"].until(up=True)
        await watches["one"].until_called_again()
        assert watches["two"].calls == []

        processes["one"].send_signal(signal.SIGSTOP)
        await watches["two"].until(up=True)
        processes["one"].send_signal(signal.SIGCONT)
        await watches["one"].until(up=False)
        await watches["two"].until_called_again()
        processes["one"].send_signal(signal.SIGCONT)
