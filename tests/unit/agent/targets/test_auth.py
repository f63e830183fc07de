"""Where tokens come from, how long they are used, and what a refusal tells the operator."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from halo_agent.targets.halo.auth import HaloAuth, TokenEndpoint
from halo_agent.targets.halo.errors import NotSent
from halo_shared.errors import (
    CredentialRefused,
    HaloIntegratorError,
    PermissionMissing,
    RateLimited,
    SettingsInvalid,
)
from halo_shared.integrations import TenantKind
from tests.unit.agent.targets.support import SECRET, HurriedClock, connection

AUTHINFO = {"auth_url": "https://login.example/auth/", "tenant_id": "acme"}


class Gate:
    """The other side of an auth: what it was asked, and what it answers."""

    def __init__(self, token: httpx.Response | None = None, info: httpx.Response | None = None) -> None:
        self.info = info or httpx.Response(200, json=AUTHINFO)
        self.token = token
        self.asked: list[httpx.Request] = []
        self.life: object = 3600

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        await asyncio.sleep(0)
        if request.url.path == "/api/authinfo":
            return self.info
        if self.token is not None:
            return self.token
        return httpx.Response(200, json={"access_token": f"t{len(self.tokens)}", "expires_in": self.life})

    @property
    def tokens(self) -> list[httpx.Request]:
        return [request for request in self.asked if request.method == "POST"]


@asynccontextmanager
async def at(
    gate: Callable[[httpx.Request], object],
    *,
    kind: TenantKind = TenantKind.HOSTED,
    tenant: str | None = None,
) -> AsyncIterator[tuple[HaloAuth, HurriedClock]]:
    clock = HurriedClock()
    there = connection("https://acme.example/", kind=kind, tenant=tenant)
    async with httpx.AsyncClient(transport=httpx.MockTransport(gate)) as http:  # type: ignore[arg-type]  # an async handler
        yield HaloAuth(http, there, SECRET, clock), clock


async def test_the_instance_says_where_tokens_are_given() -> None:
    gate = Gate()
    async with at(gate) as (auth, _):
        assert await auth.endpoint() == TokenEndpoint("https://login.example/auth/token", "acme")

    assert "authorization" not in gate.asked[0].headers


async def test_a_tenant_that_is_set_wins_over_the_one_found() -> None:
    async with at(Gate(), tenant="other") as (auth, _):
        assert (await auth.endpoint()).tenant == "other"


async def test_an_on_premise_halo_has_no_tenant() -> None:
    gate = Gate()
    async with at(gate, kind=TenantKind.ON_PREMISE, tenant="ignored") as (auth, _):
        await auth.token()

    assert gate.tokens[0].url == "https://login.example/auth/token"


async def test_a_token_is_asked_for_as_halo_wants_it() -> None:
    gate = Gate()
    async with at(gate) as (auth, _):
        await auth.token()

    request = gate.tokens[0]
    assert request.url.params["tenant"] == "acme"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.content == (
        b"grant_type=client_credentials&client_id=halo-integrator&client_secret=sandbox-secret&scope=all"
    )


@pytest.mark.parametrize(
    "info",
    [
        httpx.Response(404),
        httpx.Response(401),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
    ],
)
async def test_an_instance_that_does_not_say_gives_tokens_at_auth(info: httpx.Response) -> None:
    async with at(Gate(info=info)) as (auth, _):
        assert await auth.endpoint() == TokenEndpoint("https://acme.example/auth/token", None)


async def test_an_instance_that_cannot_say_now_is_asked_again_later() -> None:
    gate = Gate(info=httpx.Response(503))
    async with at(gate) as (auth, _):
        with pytest.raises(NotSent):
            await auth.endpoint()
        gate.info = httpx.Response(200, json=AUTHINFO)
        assert (await auth.endpoint()).tenant == "acme"


async def test_the_secret_is_never_sent_in_clear_where_halo_itself_is_not() -> None:
    gate = Gate(info=httpx.Response(200, json={"auth_url": "http://acme.example/auth"}))
    async with at(gate) as (auth, _):
        with pytest.raises(SettingsInvalid, match="in clear"):
            await auth.token()

    assert gate.tokens == []


@pytest.mark.parametrize(
    ("life", "last"), [(3600, 3539), (600, 539), (60, 53.9), (None, 3539), ("x", 3539), (0, 3539)]
)
async def test_a_token_is_renewed_shortly_before_its_end(life: object, last: float) -> None:
    gate = Gate()
    gate.life = life
    async with at(gate) as (auth, clock):
        first = await auth.token()
        await clock.sleep(last)
        assert await auth.token() is first
        await clock.sleep(1)
        assert await auth.token() is not first


async def test_requests_that_need_a_token_share_one() -> None:
    gate = Gate()
    async with at(gate) as (auth, _):
        tokens = await asyncio.gather(*(auth.token() for _ in range(8)))

    assert len(gate.tokens) == 1
    assert len({token.value for token in tokens}) == 1


async def test_requests_refused_with_the_same_token_share_its_successor() -> None:
    gate = Gate()
    async with at(gate) as (auth, _):
        old = await auth.token()
        new = await asyncio.gather(*(auth.token(refused=old) for _ in range(8)))

    assert len(gate.tokens) == 2
    assert {token.value.get_secret_value() for token in new} == {"t2"}


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (
            httpx.Response(400, json={"error": "invalid_client"}),
            CredentialRefused,
            "its secret for tenant 'acme'",
        ),
        (httpx.Response(401, json={"error": "invalid_client"}), CredentialRefused, "refused client id"),
        (httpx.Response(400, json={"error": "invalid_scope"}), PermissionMissing, "scope 'all'"),
        (httpx.Response(400, json={"error": "unauthorized_client"}), CredentialRefused, "Services"),
        (httpx.Response(400, json={"error": "unsupported_grant_type"}), CredentialRefused, "Services"),
        (httpx.Response(400, json={"error": "agent {locked}"}), CredentialRefused, "agent {locked}"),
        (httpx.Response(403), CredentialRefused, "status 403"),
    ],
)
async def test_a_refusal_names_the_application_and_where_to_look(
    answer: httpx.Response, error: type[HaloIntegratorError], said: str
) -> None:
    async with at(Gate(token=answer)) as (auth, _):
        with pytest.raises(error) as caught:
            await auth.token()

    assert said in caught.value.message
    assert "'halo-integrator'" in caught.value.message
    assert "Configuration > Integrations > Halo API" in caught.value.message
    assert "sandbox-secret" not in caught.value.message + caught.value.detail


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(404), SettingsInvalid),
        (httpx.Response(302, headers={"location": "https://x.example"}), CredentialRefused),
        (httpx.Response(500), NotSent),
        (httpx.Response(429, headers={"retry-after": "9"}), RateLimited),
        (httpx.Response(200, text="<html>"), NotSent),
        (httpx.Response(200, json={"token_type": "Bearer"}), NotSent),
    ],
)
async def test_an_endpoint_that_gives_no_token_for_another_reason(
    answer: httpx.Response, error: type[HaloIntegratorError]
) -> None:
    async with at(Gate(token=answer)) as (auth, _):
        with pytest.raises(error):
            await auth.token()


@pytest.mark.parametrize("broken", [httpx.ConnectError, httpx.ReadTimeout])
async def test_an_endpoint_that_cannot_be_reached_lost_no_answer(broken: type[httpx.RequestError]) -> None:
    def gate(request: httpx.Request) -> httpx.Response:
        raise broken("no", request=request)

    async with at(gate) as (auth, _):
        with pytest.raises(NotSent):
            await auth.token()


async def test_a_token_does_not_show_itself() -> None:
    async with at(Gate()) as (auth, _):
        assert "t1" not in repr(await auth.token())


async def test_a_certificate_that_is_not_trusted_is_said_to_be() -> None:
    def gate(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no", request=request) from ssl.SSLCertVerificationError("self-signed")

    async with at(gate) as (auth, _):
        with pytest.raises(SettingsInvalid, match="certificate of acme"):
            await auth.token()
