"""Halo's own paths: token, resources, and the few things an instance says of itself."""

import json
from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from halo_sandbox import auth, errors, limiter, schema
from halo_sandbox.instance import Instance
from halo_sandbox.middleware import BAD_ROW, FaultMiddleware, JournalMiddleware
from halo_sandbox.parameters import Parameters
from halo_sandbox.resources import RESOURCES, lists
from halo_sandbox.resources.agents import AGENT, MYSELF
from halo_sandbox.resources.resource import Resource, View
from halo_sandbox.resources.writes import Writer
from halo_sandbox.swagger import document

Endpoint = Callable[[Request], Awaitable[Response]]


def application(instance: Instance) -> Starlette:
    """The ASGI application a client takes for Halo."""
    app = Starlette(
        routes=[
            Route("/auth/token", token, methods=["POST"]),
            Route("/api/swagger/v2/swagger.json", swagger),
            Route("/api/{name}", collection, methods=["GET", "POST"]),
            Route("/api/{name}/{identity}", single, methods=["GET", "DELETE"]),
        ],
        middleware=[
            Middleware(JournalMiddleware, instance=instance),
            Middleware(FaultMiddleware, instance=instance),
        ],
        exception_handlers={errors.Refusal: _refuse},
    )
    app.router.redirect_slashes = False
    app.state.instance = instance
    return app


async def _refuse(request: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, errors.Refusal):
        raise refusal
    return refusal.response()


def _instance(request: Request) -> Instance:
    instance: Instance = request.app.state.instance
    return instance


async def token(request: Request) -> Response:
    instance = _instance(request)
    form = _fields(await request.form())
    tenant = request.query_params.get("tenant", form.get("tenant"))
    scopes = auth.granted(instance.settings, instance.switches, form, tenant)
    seconds = instance.switches.token_seconds
    return JSONResponse(
        {
            "access_token": instance.tokens.issue(seconds, scopes),
            "token_type": "Bearer",
            "expires_in": seconds,
        }
    )


def _fields(form: FormData) -> dict[str, str]:
    return {name: value for name, value in form.items() if isinstance(value, str)}


async def swagger(request: Request) -> Response:
    return JSONResponse(document())


async def collection(request: Request) -> Response:
    """`/api/{Resource}`: list or post. Halo does not care about upper and lower case."""
    name = request.path_params["name"].lower()
    if name == "authinfo":
        return _about_authorisation(request)
    resource = RESOURCES.get(name)
    if refused := _shut_out(request, resource):
        return refused
    if name == "instanceinfo":
        return _about_instance(request)
    resource = _resource(name)
    if request.method == "POST":
        return await _post(request, resource)
    storage = _instance(request).storage
    query = Parameters(request.query_params.multi_items())
    return JSONResponse(await lists.answer(storage, resource, query))


async def single(request: Request) -> Response:
    """`/api/{Resource}/{id}`: everything of one record, or its end."""
    name = request.path_params["name"].lower()
    if refused := _shut_out(request, RESOURCES.get(name)):
        return refused
    resource = _resource(name)
    if resource is AGENT and request.path_params["identity"].lower() == "me":
        return JSONResponse(MYSELF)
    identity = Parameters([("id", request.path_params["identity"])]).integer("id")
    storage = _instance(request).storage
    found = await storage.get(resource.path, identity)
    if found is None:
        raise errors.Refusal(404)
    if request.method == "DELETE":
        return await _delete(request, resource, found["id"])
    shown = await resource.present(storage, [found], View(detail=True))
    return JSONResponse(shown[0])


def _shut_out(request: Request, resource: Resource | None) -> Response | None:
    """401 without a good token, or with one that does not go so far; 429 beyond the limit."""
    instance = _instance(request)
    scopes = instance.tokens.scopes(request.headers.get("authorization", ""))
    right = resource.right(request.method) if resource else None
    if not scopes or (right and not auth.permits(scopes, instance.switches.role, right)):
        return Response(status_code=401)
    wait = instance.window.wait(instance.switches.limit)
    return limiter.refusal(instance.switches, wait) if wait else None


def _resource(name: str) -> Resource:
    resource = RESOURCES.get(name)
    if resource is None:
        raise errors.Refusal(404)
    return resource


async def _post(request: Request, resource: Resource) -> Response:
    if not resource.written:
        raise errors.Refusal(405)
    instance = _instance(request)
    rows = schema.read_rows(resource.schema, await _body(request))
    writer = Writer(resource, instance.storage, instance.clock, instance.switches.validate_only)
    bad_row: int | None = getattr(request.state, BAD_ROW, None)
    body = await writer.answer(rows, instance.switches.multi, bad_row)
    return JSONResponse(body, status_code=201)


async def _body(request: Request) -> object:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise errors.Refusal(415)
    try:
        body: object = json.loads(await request.body(), parse_constant=_no_constant)
    except ValueError as error:
        raise errors.model_state({"": [f"Unexpected character encountered: {error}"]}) from error
    return body


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


async def _delete(request: Request, resource: Resource, identity: int) -> Response:
    if not resource.deletable:
        # Halo could, but nobody should: deleting a user or an asset takes its history along.
        raise errors.Refusal(405)
    storage = _instance(request).storage
    async with storage.transaction():
        await storage.delete(resource.path, identity)
    return Response(status_code=204)


def _about_authorisation(request: Request) -> Response:
    settings = _instance(request).settings
    auth_url = str(request.base_url.replace(path="/auth"))
    return JSONResponse({"auth_url": auth_url, "tenant_id": settings.tenant})


def _about_instance(request: Request) -> Response:
    instance = _instance(request)
    settings = instance.settings
    facts: Mapping[str, object] = {
        "dbid": settings.tenant or "on-premise",
        "app_version": instance.switches.version,
        "database_version": "sandbox",
        "nhserver_version": "",
        "using_event_service": False,
        "using_scheduling_service": False,
        "using_outgoing_service": False,
        "using_incoming_service": False,
    }
    return JSONResponse(facts)
