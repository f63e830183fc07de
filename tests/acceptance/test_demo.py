"""The demo keeps its promises, and leaves nothing behind."""

import asyncio
import os
import re
import tempfile
from pathlib import Path

import pytest

from halo_sandbox.demo import run, world
from halo_sandbox.demo.world import BIN
from halo_sandbox.services import rabbitmq

# Many real programs start here, one after the other; a busy machine takes its time.
pytestmark = pytest.mark.timeout(400)

TRUE_IN_SECONDS = re.compile(r"All of it was true, in \d+ seconds\.")


async def _demo(tmp_path: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    command = await asyncio.create_subprocess_exec(
        BIN / "halo-sandbox",
        "demo",
        *arguments,
        env={**os.environ, "TMPDIR": str(tmp_path), **environment},
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
    assert TRUE_IN_SECONDS.search(printed)
    assert "OpenLDAP" in printed
    assert _still_running(tmp_path) == []
    assert _left_behind(tmp_path) == []


async def test_without_a_broker_the_demo_says_so_first_and_shows_the_same(tmp_path: Path) -> None:
    code, printed = await _demo(tmp_path, "--in-memory")

    assert code == 0, printed
    assert printed.splitlines()[0].startswith("Without RabbitMQ")
    assert TRUE_IN_SECONDS.search(printed)
    assert _still_running(tmp_path) == []
    assert _left_behind(tmp_path) == []


async def test_a_broker_that_lends_no_virtual_host_ends_the_demo_with_what_to_do(tmp_path: Path) -> None:
    code, printed = await _demo(tmp_path, HALO_BROKER_URL="amqp://nowhere.invalid/")

    assert code == 1, printed
    assert "private RabbitMQ" not in printed.splitlines()[0]
    assert "✗ The demo could not go on: nowhere.invalid" in printed
    assert "rabbitmq-plugins enable rabbitmq_management" in printed
    assert "Traceback" not in printed
    assert _still_running(tmp_path) == []
    assert _left_behind(tmp_path) == []


@pytest.mark.skipif(not rabbitmq.installed(), reason="RabbitMQ is not installed")
async def test_a_node_that_does_not_start_and_then_a_missing_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HALO_BROKER_URL", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(rabbitmq, "SERVER", Path("/bin/false"))
    monkeypatch.setattr(world, "BIN", Path("/nowhere"))

    code = await run.demo(keep=False, in_memory=False, active_directory=False)

    printed = capsys.readouterr().out
    assert code == 1, printed
    assert "RabbitMQ is installed, but does not start: the private RabbitMQ ended with 1" in printed
    assert "Without RabbitMQ" in printed
    assert "✗ The demo could not go on: " in printed
    assert "/nowhere/halo-controller" in printed
    assert "--- one-process.log" in printed
    assert _still_running(tmp_path) == []
    assert _left_behind(tmp_path) == []
