"""The way in: who asks, whether they may, and the controller as far as they may see and change it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import Depends, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.access.deciding import Allowed, Hidden, Verdict, may
from halo_controller.access.roles import Action
from halo_controller.access.tokens import Bearer, Token
from halo_controller.audit.nouns import Noun
from halo_controller.audit.recording import Change, Occasion, record
from halo_controller.audit.snapshots import snapshot
from halo_controller.errors import Forbidden, Unauthorised
from halo_controller.store import tenants, tokens
from halo_controller.store.database import Database
from halo_controller.store.sight import unlimited
from halo_controller.wiring import Controller
from halo_shared.errors import StoreBusy

REQUEST_ID: Final = "X-Request-ID"
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")

_bearer = HTTPBearer(
    auto_error=False,
    description="A token of `POST /tokens`, or that in the file `operator.token` of the controller's data directory.",
)


def _controller(request: Request) -> Controller:
    controller: Controller = request.app.state.controller
    return controller


Unlimited = Annotated[Controller, Depends(_controller)]
"""The controller itself, for what answers everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Controller):
    """The controller as one request finds it: its database shows what the bearer may see, and writes nothing."""

    bearer: Bearer
    action: Action
    request: str
    """The id of the request."""
    changes: Database
    """What `changing` writes to."""

    @asynccontextmanager
    async def changing(self, noun: Noun, name: str = "") -> AsyncIterator[Change]:
        """The one way to change something: a transaction that leaves an entry in the audit log, or nothing at all.

        The name may be given within the block, where it is made there; a thing that the database does not hold is
        described there, by `before` and `after`.
        """
        async with self.changes.write() as db:
            change = Change(db, noun, name, before=await snapshot(db, noun, name))
            yield change
            async with unlimited(db):  # what is out of the bearer's sight by now is what must be found out
                change.after = change.after or await snapshot(db, noun, change.name)
            for one in (change.before, change.after):
                if one is not None:
                    insist(may(self.bearer, self.action, one.owners))
            await record(change, Occasion(self.bearer, self.action, self.request, self.clock.now()))


def insist(verdict: Verdict) -> None:
    """Raise Forbidden unless they may."""
    if not isinstance(verdict, Allowed):
        raise Forbidden(verdict.reason)


def needs(action: Action) -> Any:  # Any: as FastAPI declares its own
    """What a route declares: the action that it is, and so the right that it needs."""
    return Security(_admitted, scopes=[action])


async def _admitted(
    request: Request,
    response: Response,
    scopes: SecurityScopes,
    controller: Unlimited,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> None:
    """Let a request in that carries a valid token whose role reaches far enough; else raise."""
    (action,) = map(Action, scopes.scopes)
    token = await _token(controller, credentials)
    asked = _asked_by(token.bearer, action, controller, request)
    response.headers[REQUEST_ID] = asked.request
    tenant = request.path_params.get("tenant")
    verdict = may(asked.bearer, action, frozenset({tenant}) if tenant else None)
    if isinstance(verdict, Hidden) and tenant:
        async with asked.database.read() as db:
            await tenants.get(db, tenant)  # raises as for a tenant that does not exist
    insist(verdict)
    request.state.asked = asked


async def _token(controller: Controller, credentials: HTTPAuthorizationCredentials | None) -> Token:
    if credentials is None:
        raise Unauthorised("A token is needed: send the header 'Authorization: Bearer TOKEN'.")
    async with controller.database.read() as db:
        token = await tokens.find(db, credentials.credentials)
    if token is None:
        raise Unauthorised(
            "The token is not known here. Ask an operator for one (halo-controller tokens add), or take that in the "
            "file operator.token of the controller's data directory."
        )
    now = controller.clock.now()
    if token.expired(now):
        raise Unauthorised(
            f"Token '{token.name}' ended at {token.expires_at:%Y-%m-%d %H:%M} UTC. Ask an operator for another: "
            "halo-controller tokens add"
        )
    if token.used_at is None or now - token.used_at >= tokens.USED_WITHIN:
        with suppress(StoreBusy):  # the next request says so, too
            async with controller.database.write() as db:
                await tokens.used(db, token.name, now)
    return token


def _asked_by(bearer: Bearer, action: Action, controller: Controller, request: Request) -> Asked:
    limited = controller.database.limited_to(bearer.sees)
    given = request.headers.get(REQUEST_ID, "")
    return Asked(
        database=limited.guarded(_only_by_changing),
        transport=controller.transport,
        publisher=controller.publisher,
        clock=controller.clock,
        monitors=controller.monitors,
        bearer=bearer,
        action=action,
        request=given if _ID.fullmatch(given) else uuid4().hex,
        changes=limited,
    )


async def _only_by_changing(_db: AsyncConnection) -> None:
    raise AssertionError("a route changes things by `changing`, which leaves an entry in the audit log")


def _asked(request: Request) -> Asked:
    # A route that declares no action has no controller: it fails, whoever asks.
    asked: Asked = request.state.asked
    return asked


Wired = Annotated[Asked, Depends(_asked)]
"""The controller behind this API, as far as who asks may see it."""


def _name(asked: Wired) -> str:
    return asked.bearer.name


Caller = Annotated[str, Depends(_name)]
"""The name of the token that the request carries."""
