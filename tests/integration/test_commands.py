"""`halo-controller` as an operator meets it: processes, files, exit codes and what they print."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import pytest
import pytest_asyncio
import typer
import yaml
from typer.testing import CliRunner

from halo_controller.cli import app
from halo_sandbox.services.rabbitmq import GivenRabbitMQ, PrivateRabbitMQ
from halo_shared.errors import AmbiguousMatch, CredentialRefused
from halo_shared.messages.events import Level, Stage
from halo_shared.runs import RunStatus
from halo_shared.transport.amqp import AmqpTransport
from tests.support.agent_double import Attempt, publish_event
from tests.support.builders import Attempted, excess, logged
from tests.support.commands import Centre, Desk, Printed, a_centre, printed
from tests.support.rest import definition

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCREEN = 80


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def centre(
    shared_broker: PrivateRabbitMQ | GivenRabbitMQ, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Centre]:
    """One controller for all tests of this module: it takes seconds to start."""
    async with shared_broker.vhost() as url, a_centre(tmp_path_factory.mktemp("centre"), url) as centre:
        yield centre


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield int(taken.getsockname()[1])


@pytest.fixture
def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return int(closed.getsockname()[1])


def desk(folder: Path, broker_url: str = "amqp://127.0.0.1:1/") -> Desk:
    """A desk without a controller, and without a broker unless one is given."""
    return Desk(folder, broker_url)


def is_sentence(said: Printed, code: int) -> bool:
    """Whether the command left with this code and one line, without a trace of the program's inside."""
    return said.code == code and said.out == "" and len(said.err.splitlines()) == 1 and said.err.endswith(".\n")


def commands(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below this one, with the words that call it."""
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from commands(below, *path, name)
    else:
        yield path, command


COMMANDS = dict(commands(typer.main.get_command(app)))


# What commands say of themselves


async def test_the_commands_are_those_of_the_readme() -> None:
    readme = Path(app.__module__ and __file__).parents[2] / "controller" / "README.md"
    text = readme.read_text(encoding="utf-8")

    assert [path for path in COMMANDS if f"halo-controller {' '.join(path)}" not in text] == []


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
async def test_every_command_explains_itself_with_an_example_of_itself(path: tuple[str, ...]) -> None:
    said = CliRunner().invoke(app, [*path, "--help"], prog_name="halo-controller", terminal_width=120)

    assert said.exit_code == 0
    assert f"Usage: halo-controller {' '.join(path)}" in said.stdout
    assert f"Example: halo-controller {' '.join(path)}" in said.stdout
