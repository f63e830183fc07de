"""A stand-in for Microsoft's sign-in and Graph that refuses what Microsoft documents to be refused."""

import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from halo_sandbox.services.certificates import Certificates
from halo_shared.clock import Clock, SystemClock
from tests.support.graph import queries
from tests.support.graph.directory import GraphDirectory, Row
from tests.support.graph.identity import Application, Identity
from tests.support.graph.queries import Query, Refused
from tests.support.serving import serving

PERMISSIONS: Final = {
    "users": "User.Read.All",
    "devices": "Device.Read.All",
    "managedDevices": "DeviceManagementManagedDevices.Read.All",
    "groups": "GroupMember.Read.All",
    "subscribedSkus": "LicenseAssignment.Read.All",
}
DELTA_PAGE: Final = 40
"""Objects on a page of changes, whatever was asked for."""


@dataclass(frozen=True, slots=True)
class Round:
    """What a delta link or a next link stands for."""

    collection: str
    select: tuple[str, ...]
    since: int
    until: int


@dataclass(slots=True)
class Graph:
    """The cloud: every tenant, its applications, and what is wrong with it at the moment."""

    identity: Identity
    directories: dict[str, GraphDirectory] = field(default_factory=dict)
    url: str = ""
    rounds: dict[str, Round] = field(default_factory=dict)
    skips: dict[str, tuple[Query, int]] = field(default_factory=dict)
    throttled: list[int] = field(default_factory=list)
    """Seconds of Retry-After that the next requests are refused with."""
    failing: list[int] = field(default_factory=list)
    """Statuses that the next requests are answered with."""
    requests: list[str] = field(default_factory=list)
    """Path and query of everything that was asked."""

    def forget_rounds(self) -> None:
        """As after seven days: no delta link is known any more."""
        self.rounds.clear()

    async def token(self, request: Request) -> Response:
        """POST /{tenant}/oauth2/v2.0/token."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        url = f"{self.url}{request.url.path}"
        return self.identity.token(request.path_params["tenant"], form, url, self.url)

    async def answer(self, request: Request) -> Response:
        """GET of anything below /v1.0."""
        self.requests.append(f"{request.url.path}?{request.url.query}")
        application = self.identity.opened_by(request.headers.get("authorization", ""))
        if application is None:
            return _error(
                401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."
            )
        if self.throttled:
            wait = str(self.throttled.pop(0))
            return _error(429, "TooManyRequests", "Too many requests", {"Retry-After": wait})
        if self.failing:
            return _error(self.failing.pop(0), "ServiceUnavailable", "Service is temporarily unavailable.")
        try:
            return JSONResponse(self._read(application, request))
        except Refused as refused:
            return JSONResponse(refused.body, refused.status)

    def _read(self, application: Application, request: Request) -> Row:
        directory = self.directories[application.tenant]
        options = dict(request.query_params)
        match request.path_params["path"].split("/"):
            case ["users" | "devices" as collection, "delta"]:
                _allow(application, collection)
                return self._delta(directory, collection, options)
            case ["groups", group, "transitiveMembers", "microsoft.graph.user"]:
                _allow(application, "groups")
                top = queries.of_cast(options, request.headers)
                query = Query(("id",), expand=False, top=top)
                found = [{"id": id_} for id_ in directory.transitive_members(group)]
                return self._page(request, query, found, options)
            case ["groups", id_]:
                _allow(application, "groups")
                if id_ not in directory.collections["groups"]:
                    raise Refused(404, "Request_ResourceNotFound", f"Resource '{id_}' does not exist.")
                return directory.collections["groups"][id_]
            case [collection] | ["deviceManagement", "managedDevices" as collection] if (
                collection in PERMISSIONS
            ):
                _allow(application, collection)
                query = queries.of_list(collection, options)
                return self._page(request, query, directory.collections[collection].values(), options)
        raise Refused(
            400, "BadRequest", f"Resource not found for the segment '{request.path_params['path']}'."
        )

    def _page(self, request: Request, query: Query, held: Iterable[Row], options: dict[str, str]) -> Row:
        after = 0
        if token := options.get("$skiptoken"):
            query, after = self.skips[token]
        found = [row for row in held if _wanted(row, query)]
        some = found[after : after + query.top]
        page: dict[str, Any] = {
            "value": [queries.shown(row, query.select, expand=query.expand) for row in some]
        }
        if after + query.top < len(found):
            following = secrets.token_urlsafe(16)
            self.skips[following] = (query, after + query.top)
            page["@odata.nextLink"] = f"{self.url}{request.url.path}?$count=true&$skiptoken={following}"
            if "microsoft.graph.user" not in request.url.path:
                page["@odata.nextLink"] = f"{self.url}{request.url.path}?$skiptoken={following}"
        return page

    def _delta(self, directory: GraphDirectory, collection: str, options: dict[str, str]) -> Row:
        token = options.get("$deltatoken") or options.get("$skiptoken")
        if token is None:
            select = queries.of_delta(collection, options)
            now = len(directory.journal)
            since = now if options.get("$deltaToken") == "latest" else 0
            return self._told(directory, Round(collection, select, since, now))
        if set(options) - {"$deltatoken", "$skiptoken"}:
            raise Refused(400, "Request_BadRequest", "A state token takes no further query options.")
        known = self.rounds.get(token)
        if known is None:
            raise Refused(410, "syncStateNotFound", "The sync state generation is not found.")
        if "$deltatoken" in options:
            known = Round(collection, known.select, known.until, len(directory.journal))
        return self._told(directory, known)

    def _told(self, directory: GraphDirectory, asked: Round) -> Row:
        """One page of a round; objects that changed twice are told of twice, and the order is Graph's own."""
        entries = [
            entry
            for entry in directory.journal[asked.since : asked.until]
            if entry.collection == asked.collection
            and (entry.removed or entry.properties & set(asked.select))
        ]
        value = []
        for entry in reversed(entries[:DELTA_PAGE]):
            held = directory.collections[asked.collection].get(entry.id)
            if entry.removed:
                value.append({"id": entry.id, "@removed": {"reason": entry.removed}})
            elif held:
                value.append(queries.shown(held, asked.select))
        token = secrets.token_urlsafe(16)
        address = f"{self.url}/v1.0/{asked.collection}/delta"
        if len(entries) > DELTA_PAGE:
            stopped = directory.journal.index(entries[DELTA_PAGE - 1], asked.since) + 1
            self.rounds[token] = Round(asked.collection, asked.select, stopped, asked.until)
            return {"value": value, "@odata.nextLink": f"{address}?$skiptoken={token}"}
        self.rounds[token] = asked
        return {"value": value, "@odata.deltaLink": f"{address}?$deltatoken={token}"}


@asynccontextmanager
async def graph(certificates: Certificates, clock: Clock | None = None) -> AsyncIterator[Graph]:
    """A stand-in cloud that answers at `.url`, until the block ends."""
    cloud = Graph(Identity(clock or SystemClock()))
    app = Starlette(
        routes=[
            Route("/{tenant}/oauth2/v2.0/token", cloud.token, methods=["POST"]),
            Route("/v1.0/{path:path}", cloud.answer),
        ]
    )
    async with serving(app, certificates) as cloud.url:
        yield cloud


def _wanted(row: Row, query: Query) -> bool:
    if query.ids is not None:
        return row["id"] in query.ids
    return query.named is None or row.get("displayName") == query.named


def _allow(application: Application, collection: str) -> None:
    if PERMISSIONS[collection] not in application.permissions:
        raise Refused(
            403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
        )


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)
