"""What every route may ask for: the controller, and who is asking."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from halo_controller.errors import Unauthorised
from halo_controller.store import tokens
from halo_controller.wiring import Controller

_bearer = HTTPBearer(
    auto_error=False,
    description="The token in the file `operator.token` of the controller's data directory.",
)


def _controller(request: Request) -> Controller:
    controller: Controller = request.app.state.controller
    return controller


Wired = Annotated[Controller, Depends(_controller)]
"""The controller behind this API."""


async def _caller(
    controller: Wired, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> str:
    if credentials is None:
        raise Unauthorised("A token is needed: send the header 'Authorization: Bearer TOKEN'.")
    async with controller.database.read() as db:
        owner = await tokens.owner(db, credentials.credentials)
    if owner is None:
        raise Unauthorised(
            "The token is not known here. The one that is valid lies in the file operator.token "
            "of the controller's data directory."
        )
    return owner


Caller = Annotated[str, Depends(_caller)]
"""Whose token the request carries; a request without a valid one is refused."""

KNOWN_CALLERS_ONLY = Depends(_caller)
