"""The demo keeps its promises, and leaves nothing behind."""

import asyncio
import os
from pathlib import Path

import pytest

from halo_sandbox.demo.world import BIN


async def _demo(tmp_path: Path, *arguments: str) -> tuple[int, str]:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = await asyncio.create_subprocess_exec(
        BIN / "halo-sandbox",
        "demo",
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await command.communicate()
    return command.returncode or 0, printed.decode()


def _left_behind(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def _still_running(folder: Path) -> list[str]:
    """Command lines of processes that work in this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = str((process / "cwd").readlink())
        except OSError:
            continue
        if str(folder) in words or where.startswith(str(folder)):
            found.append(words)
    return found


@pytest.mark.broker
@pytest.mark.directory
@pytest.mark.usefixtures("shared_broker", "directory")  # where these are missing, so is the demo's world
async def test_the_demo_shows_the_product_and_ends_by_itself(tmp_path: Path) -> None:
    code, printed = await _demo(tmp_path)

    assert code == 0, printed
    assert "All of it was true" in printed
    assert "OpenLDAP" in printed
    assert _still_running(tmp_path) == []
    assert _left_behind(tmp_path) == []


async def test_without_a_broker_the_demo_says_so_first_and_shows_the_same(tmp_path: Path) -> None:
    code, printed = await _demo(tmp_path, "--in-memory")

    assert code == 0, printed
    assert printed.splitlines()[0].startswith("Without RabbitMQ")
    assert "All of it was true" in printed
    assert _still_running(tmp_path) == []
