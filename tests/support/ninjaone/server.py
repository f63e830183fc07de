"""A stand-in for NinjaOne's public API that refuses what NinjaOne would refuse."""

import json
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from halo_sandbox.services.certificates import Certificates
from halo_shared.clock import Clock, SystemClock
from tests.support.ninjaone import filters
from tests.support.ninjaone.estate import Estate, Row
from tests.support.ninjaone.identity import Identity
from tests.support.serving import serving

MOST_ON_PAGE: Final = 1000
_LIST: Final = frozenset({"pageSize", "after"})
_REPORT: Final = frozenset({"pageSize", "cursor", "df"})


class Refused(Exception):
    """An answer other than success."""

    def __init__(self, status: int, text: str, *, error: str = "", wait: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.headers = None if wait is None else {"Retry-After": str(wait)}
        self.body: Row = {"resultCode": "FAILURE", "errorMessage": text, "incidentId": "0"}
        if error:
            self.body = {"error": error, "error_description": text, "error_code": 10}


@dataclass(frozen=True, slots=True)
class Place:
    """How far a report was read."""

    report: str
    rows: tuple[Row, ...]
    offset: int


@dataclass(slots=True)
class Ninja:
    """The instance: what it holds, who may read it, and what is wrong with it at the moment."""

    identity: Identity
    estate: Estate = field(default_factory=Estate)
    url: str = ""
    gives: int = MOST_ON_PAGE
    """Records on a page at most, whatever is asked for."""
    deaf: bool = False
    """Whether it takes no notice of `after`, and gives the first page again."""
    places: dict[str, Place] = field(default_factory=dict)
    throttled: list[int] = field(default_factory=list)
    """Seconds of Retry-After that the next requests are refused with."""
    failing: list[int] = field(default_factory=list)
    """Statuses that the next requests are answered with."""
    troubles: dict[int, str] = field(default_factory=dict)
    """`expire`, `throttle` or `break` at the n-th request from the start."""
    breaks_for_good: bool = False
    """Whether a broken answer breaks again each time it is asked for."""
    requests: list[str] = field(default_factory=list)
    """Path and query of everything that was asked."""

    async def token(self, request: Request) -> Response:
        """POST /ws/oauth/token."""
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return JSONResponse({"resultCode": "FAILURE", "errorMessage": "Unsupported media type"}, 415)
        return self.identity.token({name: str(value) for name, value in (await request.form()).items()})

    async def answer(self, request: Request) -> Response:
        """GET of anything below /v2."""
        self.requests.append(f"{request.url.path}?{request.url.query}")
        trouble = self.troubles.pop(len(self.requests), "")
        try:
            self._let_in(request, trouble)
            body = self._read(request.path_params["path"], dict(request.query_params))
        except Refused as refused:
            return JSONResponse(refused.body, refused.status, refused.headers)
        if trouble != "break":
            return JSONResponse(body)
        if self.breaks_for_good:
            self.troubles[len(self.requests) + 1] = "break"
        return _broken(body)

    def _let_in(self, request: Request, trouble: str) -> None:
        """Raises Refused for who may not read, and for what is wrong at the moment."""
        if trouble == "expire":
            self.identity.given.clear()
        if trouble == "throttle":
            self.throttled.append(5)
        scopes = self.identity.scopes(request.headers.get("authorization", ""))
        if scopes is None:
            raise Refused(401, "Invalid credentials", error="not_authenticated")
        if "monitoring" not in scopes:
            raise Refused(403, "Forbidden")
        if self.throttled:
            raise Refused(429, "Too many requests", wait=self.throttled.pop(0))
        if self.failing:
            raise Refused(self.failing.pop(0), "Internal error")

    def _read(self, path: str, asked: Mapping[str, str]) -> object:
        held = self.estate
        match path.split("/"):
            case ["organizations"]:
                return self._page(held.organizations.values(), asked, _LIST)
            case ["locations"]:
                return self._page(held.locations.values(), asked, _LIST)
            case ["devices-detailed"]:
                return self._page(self._devices(asked), asked, _LIST | {"df"})
            case ["roles"]:
                _only(asked, frozenset())
                return list(held.roles.values())
            case ["queries", "logged-on-users" as report]:
                return self._report(report, asked, {id_: [row] for id_, row in held.logons.items()})
            case ["queries", "software" as report]:
                return self._report(report, asked, held.software)
        raise Refused(404, f"HTTP 404 Not Found: {path}")

    def _devices(self, asked: Mapping[str, str]) -> list[Row]:
        try:
            passes = filters.parsed(asked["df"]) if "df" in asked else bool
        except filters.NotAFilter as error:
            raise Refused(400, str(error)) from error
        return [device for device in self.estate.devices.values() if passes(device)]

    def _page(self, rows: Iterable[Row], asked: Mapping[str, str], known: frozenset[str]) -> list[Row]:
        _only(asked, known)
        after = _whole(asked.get("after", "0"), "after")
        following = [row for row in rows if self.deaf or _sorted(row) > after]
        return sorted(following, key=_sorted)[: min(_size(asked), self.gives)]

    def _report(self, report: str, asked: Mapping[str, str], by_device: Mapping[int, list[Row]]) -> Row:
        _only(asked, _REPORT)
        size = min(_size(asked), self.gives)
        if "cursor" in asked:
            place = self.places.pop(asked["cursor"], None)
            if place is None or place.report != report:
                raise Refused(400, f"Cursor '{asked['cursor']}' is unknown or has expired")
        else:
            found = [row for device in self._devices(asked) for row in by_device.get(device["id"], [])]
            place = Place(report, tuple(found), 0)
        some = place.rows[place.offset : place.offset + size]
        if not some:
            return {"results": []}
        name = secrets.token_urlsafe(12)
        self.places[name] = Place(report, place.rows, place.offset + len(some))
        cursor = {"name": name, "offset": place.offset + len(some), "count": len(place.rows), "expires": 2e9}
        return {"cursor": cursor, "results": list(some)}


@asynccontextmanager
async def ninja(certificates: Certificates, clock: Clock | None = None) -> AsyncIterator[Ninja]:
    """A stand-in instance that answers at `.url`, until the block ends."""
    instance = Ninja(Identity(clock or SystemClock()))
    app = Starlette(
        routes=[
            Route("/ws/oauth/token", instance.token, methods=["POST"]),
            Route("/v2/{path:path}", instance.answer, methods=["GET"]),
        ]
    )
    async with serving(app, certificates) as instance.url:
        yield instance


def _broken(body: object) -> Response:
    """An answer whose connection ends before it does."""
    whole = json.dumps(body).encode()

    async def half() -> AsyncIterator[bytes]:
        yield whole[: len(whole) // 2]

    return StreamingResponse(
        half(), headers={"content-length": str(len(whole))}, media_type="application/json"
    )


def _only(asked: Mapping[str, str], known: frozenset[str]) -> None:
    for name in asked:
        if name not in known:
            raise Refused(400, f"Unknown parameter '{name}'")


def _size(asked: Mapping[str, str]) -> int:
    size = _whole(asked.get("pageSize", "100"), "pageSize")
    if not 1 <= size <= MOST_ON_PAGE:
        raise Refused(400, f"pageSize must be between 1 and {MOST_ON_PAGE}")
    return size


def _whole(text: str, name: str) -> int:
    if not text.isdecimal():
        raise Refused(400, f"{name}: '{text}' is not an integer")
    return int(text)


def _sorted(row: Row) -> int:
    """By id; a record that a test has spoilt comes last."""
    id_ = row.get("id")
    return id_ if isinstance(id_, int) else 10**9
