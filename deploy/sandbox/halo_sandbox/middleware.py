"""What stands between the socket and the API: the journal, and the faults that were asked for."""

import asyncio
from functools import partial

from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from halo_sandbox import limiter
from halo_sandbox.faults import BadRow, Cut, Drop, Html, Late, RateLimited, ServerError, Slow
from halo_sandbox.instance import Instance
from halo_sandbox.journal import Entry

# Under this name the server puts the connection's transport into the state of each request.
TRANSPORT = "transport"
BAD_ROW = "bad_row"

PAGE = "<html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>"


class JournalMiddleware:
    """Writes down every request to Halo's own paths."""

    def __init__(self, app: ASGIApp, instance: Instance) -> None:
        self._app = app
        self._journal = instance.journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status: int | None = None

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # Before the client can know, so that it never counts one too few.
                self._journal.add(_entry(scope, status))
            await send(message)

        await self._app(scope, receive, watch)
        if status is None:
            self._journal.add(_entry(scope, None))


def _entry(scope: Scope, status: int | None) -> Entry:
    query = scope["query_string"].decode("latin-1")
    return Entry(scope["method"], scope["path"], query, status)


class FaultMiddleware:
    """Lets the faults happen that hit this request."""

    def __init__(self, app: ASGIApp, instance: Instance) -> None:
        self._app = app
        self._instance = instance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for fault in self._instance.faults.take(scope["method"], scope["path"]):
            if isinstance(fault, Slow):
                await self._instance.clock.sleep(fault.seconds)
            elif isinstance(fault, BadRow):
                scope["state"][BAD_ROW] = fault.row
            elif isinstance(fault, Drop | Cut | Late):
                return await self._drop(fault, scope, receive)
            else:
                return await self._reply(fault)(scope, receive, send)
        return await self._app(scope, receive, send)

    def _reply(self, fault: ServerError | RateLimited | Html) -> Response:
        match fault:
            case ServerError(status=status):
                return PlainTextResponse("", status_code=status)
            case RateLimited(retry_after=wait):
                return limiter.refusal(self._instance.switches, wait)
            case Html(status=status):
                return HTMLResponse(PAGE, status_code=status)

    async def _drop(self, fault: Drop | Cut | Late, scope: Scope, receive: Receive) -> None:
        """Close the socket: nobody is told whether what was asked is done, is not, or will be."""
        if isinstance(fault, Drop):
            await self._app(scope, receive, _nowhere)
        elif isinstance(fault, Late):
            said = await receive()

            async def repeat() -> Message:
                return said

            self._instance.do_later(fault.seconds, partial(self._app, scope, repeat, _nowhere))
        transport: asyncio.Transport = scope["state"][TRANSPORT]
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass


async def _nowhere(message: Message) -> None:
    """A reply that never reaches the client."""
