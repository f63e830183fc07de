"""What the commands say of themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from halo_controller.cli import app

README = Path(__file__).parents[3] / "controller" / "README.md"


def commands(group: TyperGroup, *path: str) -> Iterator[str]:
    """The words that call each command below this group."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, *path, name)
        else:
            yield " ".join((*path, name))


ROOT = typer.main.get_command(app)
assert isinstance(ROOT, TyperGroup)
COMMANDS = [*commands(ROOT)]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example_of_itself(command: str) -> None:
    said = CliRunner().invoke(app, [*command.split(), "--help"], prog_name="halo-controller")

    assert said.exit_code == 0
    assert f"Usage: halo-controller {command} " in said.stdout
    assert f"Example: halo-controller {command}" in said.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_is_refused(command: str) -> None:
    said = CliRunner().invoke(app, [*command.split(), "--nosuch"], prog_name="halo-controller")

    assert said.exit_code == 2
    assert "No such option: --nosuch" in said.stderr


def test_the_readme_knows_every_command() -> None:
    told = README.read_text(encoding="utf-8")

    assert [command for command in COMMANDS if f"halo-controller {command}" not in told] == []
