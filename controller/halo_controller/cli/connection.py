"""Which controller a command talks to, and as whom."""

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError

from halo_controller.cli.client import ControllerUnreachable, connect
from halo_controller.errors import Unauthorised
from halo_controller.settings import Settings
from halo_shared import files
from halo_shared.errors import SettingsInvalid

_PANEL: Final = "Which controller"

UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="HALO_CONTROLLER_URL",
        show_default=False,
        rich_help_panel=_PANEL,
        help="Its address; found in the data directory when left out.",
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="HALO_CONTROLLER_TOKEN",
        show_default=False,
        rich_help_panel=_PANEL,
        help="Who asks; the operator's, as found in the data directory, when left out.",
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        envvar="HALO_CONTROLLER_DATA",
        show_default=False,
        rich_help_panel=_PANEL,
        help="The data directory of a controller on this machine.",
    ),
]


def connected(function: Callable[..., Coroutine[None, None, None]]) -> Callable[..., None]:
    """Make a command of a coroutine function that wants a Client first; adds --url, --token and --data."""

    @functools.wraps(function)
    def command(
        url: str | None,
        token: str | None,
        data: Path | None,
        **given: Any,  # Any: the command's own parameters, which Typer has checked
    ) -> None:
        async def run() -> None:
            async with connect(*locate(url, token, settings(data=data))) as client:
                await function(client, **given)

        asyncio.run(run())

    wanted = [*inspect.signature(function).parameters.values()][1:]
    command.__signature__ = inspect.Signature([*wanted, *_OPTIONS])  # type: ignore[attr-defined]  # read by inspect
    return command


def without_subcommand(command: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a whole group: it runs where none of the group's own commands is named."""

    def either(ctx: typer.Context, **given: Any) -> None:  # Any: as above
        if ctx.invoked_subcommand is None:
            command(**given)

    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    wanted = inspect.signature(command).parameters.values()
    functools.update_wrapper(either, command)
    either.__signature__ = inspect.Signature([context, *wanted])  # type: ignore[attr-defined]  # read by inspect
    return either


_OPTIONS: Final = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
    for name, kind in {"url": UrlOption, "token": TokenOption, "data": DataOption}.items()
]


def settings(**given: object) -> Settings:
    """The settings from the environment, under what was given on the command line."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]  # checked by pydantic
    except ValidationError as error:
        raise SettingsInvalid("\n".join(files.explain(error, Settings, name="settings"))) from error


def locate(url: str | None, token: str | None, found_in: Settings) -> tuple[str, str]:
    """The address and the token: as given, else as the controller on this machine left them."""
    if url is None:
        url = _left(found_in.address_file)
    if url is None:
        raise ControllerUnreachable(
            f"No controller runs on this machine with the data directory {found_in.data}. Start one with: "
            "halo-controller serve, or say where it is: --url, HALO_CONTROLLER_URL or --data."
        )
    if token is None:
        token = _left(found_in.token_file)
    if token is None:
        raise Unauthorised(
            f"No token was given, and there is none in {found_in.token_file}. "
            "Give it with --token or HALO_CONTROLLER_TOKEN."
        )
    return url, token


def _left(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unauthorised(
            f"{file} cannot be read: {error.strerror}. Run this command as the controller's own user, "
            "or give --url and --token."
        ) from error
