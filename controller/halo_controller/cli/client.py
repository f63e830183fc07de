"""Talking to a controller over its REST API; its refusals become our errors again."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from halo_controller.api.models import ErrorBody
from halo_controller.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorised
from halo_shared.errors import HaloIntegratorError, TransientError

T = TypeVar("T")
Body = BaseModel | Mapping[str, object]

TIMEOUT: Final = 30.0

REFUSALS: Final[dict[int, type[HaloIntegratorError]]] = {
    401: Unauthorised,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Invalid,
    503: TransientError,
}


class ControllerUnreachable(TransientError):
    """The controller cannot be reached."""


class Client:
    """Asks a controller, and answers with models."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def get(self, path: str, answer: type[T], **query: str | int | None) -> T:
        """What is there; a query of None is left out."""
        given = {name: value for name, value in query.items() if value is not None}
        return _read(await self._ask("GET", path, params=given), answer)

    async def post(self, path: str, answer: type[T], body: Body | None = None) -> T:
        """What came of it."""
        return _read(await self._ask("POST", path, body=body), answer)

    async def put(self, path: str, answer: type[T], body: Body) -> T:
        """What is there now."""
        return _read(await self._ask("PUT", path, body=body), answer)

    async def delete(self, path: str) -> None:
        """Let it be there no more."""
        await self._ask("DELETE", path)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: Body | None = None,
    ) -> httpx.Response:
        json = None if body is None else to_jsonable_python(body, by_alias=True)
        try:
            reply = await self._http.request(method, path, params=params, json=json)
        except httpx.TransportError as error:
            raise ControllerUnreachable(
                f"No controller answers at {self._http.base_url}: {str(error) or type(error).__name__}. "
                "Check that it runs, and the address: --url, HALO_CONTROLLER_URL or --data."
            ) from error
        if not (reply.is_success or _tells_of_health(reply)):
            raise _refusal(reply)
        return reply


@asynccontextmanager
async def connect(url: str, token: str) -> AsyncIterator[Client]:
    """A client of the controller at this address."""
    headers = {"Authorization": f"Bearer {token}"}
    try:
        http = httpx.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT)
    except httpx.InvalidURL as error:
        raise Invalid(f"'{url}' is not the address of a controller: {error}.") from error
    async with http:
        yield Client(http)


def _read(reply: httpx.Response, answer: type[T]) -> T:
    try:
        return TypeAdapter(answer).validate_json(reply.content)
    except ValidationError as error:
        raise _not_understood(reply) from error


def _tells_of_health(reply: httpx.Response) -> bool:
    """Whether it is the answer of a controller that cannot work, and not a refusal."""
    return reply.status_code == 503 and reply.url.path.endswith("/health")


def _refusal(reply: httpx.Response) -> HaloIntegratorError:
    try:
        body = ErrorBody.model_validate_json(reply.content)
    except ValidationError:
        return _not_understood(reply)
    return REFUSALS.get(reply.status_code, HaloIntegratorError)(body.message)


def _not_understood(reply: httpx.Response) -> HaloIntegratorError:
    return ControllerUnreachable(
        f"What answers at {reply.url} is no controller of this version (HTTP {reply.status_code}). "
        "Check the address: --url, HALO_CONTROLLER_URL or --data."
    )
