"""The command itself, as a process of its own."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from halo_sandbox.cli import app
from tests.support.http import client_of
from tests.unit.sandbox.conftest import CREDENTIALS

COMMAND = (sys.executable, "-c", "from halo_sandbox.cli import main; main()")


@asynccontextmanager
async def serving(*options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, Any]]:
    """The process, and what its line says; it is gone afterwards, whatever happened."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "serve", "--port", "0", *options, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield process, json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_where_it_listens_and_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    ready = tmp_path / "ready"

    async with serving("--ready-file", str(ready)) as (process, line):
        assert json.loads(ready.read_text(encoding="utf-8")) == line
        async with client_of(line["url"]) as http:
            assert (await http.get("/api/authinfo")).json()["tenant_id"] == line["tenant"]
            process.send_signal(number)
            assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_options_reach_the_sandbox(tmp_path: Path) -> None:
    options = ("--on-premise", "--client-id", "me", "--client-secret", "mine", "--limit", "1/60")
    async with (
        serving(*options, "--database", str(tmp_path / "halo.db")) as (_, line),
        client_of(line["url"]) as http,
    ):
        assert line["tenant"] is None
        form = {**CREDENTIALS, "client_id": "me", "client_secret": "mine"}
        token = (await http.post("/auth/token", data=form)).json()["access_token"]
        header = {"Authorization": f"Bearer {token}"}
        replies = [await http.get("/api/Users", headers=header) for _ in range(2)]
        assert [reply.status_code for reply in replies] == [200, 429]
        assert "1 Requests per rolling 1 minute window" in replies[1].text
    assert (tmp_path / "halo.db").exists()


async def test_show_lists_what_is_held() -> None:
    async with serving() as (_, line):
        async with client_of(line["url"]) as http:
            token = (await http.post("/auth/token?tenant=sandbox", data=CREDENTIALS)).json()
            http.headers["Authorization"] = f"Bearer {token['access_token']}"
            await http.post("/api/Users", json=[{"name": "Ann", "site_id": 1001}])

        table = await asyncio.to_thread(CliRunner().invoke, app, ["show", "users", "--url", line["url"]])
        listed = await asyncio.to_thread(
            CliRunner().invoke, app, ["show", "users", "--json", "--url", line["url"]]
        )

    assert "1 users" in table.output
    assert "Ann" in table.output
    assert json.loads(listed.output)[0]["name"] == "Ann"


def test_show_says_what_to_do_when_nobody_answers() -> None:
    result = CliRunner().invoke(app, ["show", "users", "--url", "http://127.0.0.1:9"])

    assert result.exit_code == 1
    assert "halo-sandbox serve" in result.output


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["show", "--help"]])
def test_help(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 0


def test_a_limit_that_is_none() -> None:
    assert CliRunner().invoke(app, ["serve", "--limit", "lots"]).exit_code == 2
