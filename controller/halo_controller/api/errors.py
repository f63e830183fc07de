"""Refusals and faults as one JSON shape with the right status."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from halo_controller.api.models import ErrorBody
from halo_controller.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorised
from halo_shared.errors import BrokerUnavailable, HaloIntegratorError, StoreBusy
from halo_shared.identifiers import SLUG

STATUSES: Final[dict[type[BaseException], int]] = {
    StoreBusy: 503,
    Unauthorised: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Invalid: 422,
    BrokerUnavailable: 503,
}

Responses = dict[int | str, dict[str, Any]]  # Any: FastAPI's own type

REFUSALS: Final[Responses] = {
    401: {"model": ErrorBody, "description": "The token is missing or not known."},
    403: {
        "model": ErrorBody,
        "description": "The token's role does not reach so far; the message says who helps.",
    },
    422: {"model": ErrorBody, "description": "What was sent is not valid; the message names the fields."},
}
NOT_FOUND: Final[Responses] = {404: {"model": ErrorBody, "description": "There is no such thing."}}
CONFLICT: Final[Responses] = {
    409: {"model": ErrorBody, "description": "That cannot be done in the present state."}
}


def install(app: FastAPI) -> None:
    """Let every error of this application leave in the one shape."""
    app.add_exception_handler(HaloIntegratorError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _fault)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HaloIntegratorError):
        raise error
    status = next((STATUSES[cls] for cls in type(error).__mro__ if cls in STATUSES), 500)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return _reply(status, error.code, error.message, headers)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    return _reply(422, Invalid.__name__, _sentence(error.errors()))


async def _http(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    message = f"{request.method} {request.url.path}: {error.detail}. All paths are listed at /docs."
    code = NotFound.__name__ if error.status_code == 404 else "BadRequest"
    return _reply(error.status_code, code, message, error.headers)


async def _fault(_request: Request, _error: Exception) -> JSONResponse:
    # The server writes the error itself to the log.
    return _reply(500, "Internal", "This is a fault of ours; the controller's log tells more.")


def _sentence(mistakes: Sequence[Any]) -> str:  # Any: pydantic's error details, as FastAPI hands them on
    return "; ".join(_complaint(mistake) for mistake in mistakes)


def _complaint(mistake: Any) -> str:  # Any: as above
    match mistake["type"], mistake["loc"]:
        case "value_error", [_]:  # a word on the whole, which names its fields itself
            return _remedy(mistake)
        case "json_invalid", [where, position]:
            return f"{where}: is not JSON, at character {position}: {mistake['ctx']['error']}"
        case _, location:
            return f"{_field(location)}: {_remedy(mistake)}"


def _field(location: Sequence[int | str]) -> str:
    """The field as the sender wrote it, without FastAPI's word for where in the request it stood."""
    return ".".join(str(part) for part in location[1:]) or str(location[0])


def _remedy(mistake: Any) -> str:  # Any: as above
    match mistake["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "unknown key"
        case "too_short":
            return f"needs {mistake['ctx']['min_length']} at the least"
        case "model_attributes_type":
            return "must be an object"
        case "string_pattern_mismatch" if mistake["ctx"]["pattern"] == SLUG:
            return "must be 1 to 40 lower-case letters, digits and inner hyphens"
        case _:
            text: str = mistake["msg"]
            return text.removeprefix("Value error, ").replace("Input should be", "must be")


def _reply(status: int, code: str, message: str, headers: Any = None) -> JSONResponse:  # Any: as starlette's
    return JSONResponse(ErrorBody(error=code, message=message).model_dump(), status, headers)
