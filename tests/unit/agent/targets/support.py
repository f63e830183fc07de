"""What tests of targets share: a clock that does not wait, a sandbox with its levers, wishes and changes."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import AnyHttpUrl, SecretStr

from halo_agent.engine.changes import Retire, Update
from halo_agent.engine.ports import Permit
from halo_agent.engine.records import Desired, Fields, Place, TargetRecord
from halo_agent.targets.halo import HaloTarget, Use, open_halo
from halo_agent.targets.halo.auth import HaloAuth
from halo_agent.targets.halo.client import HaloClient
from halo_agent.targets.halo.traffic import Traffic
from halo_sandbox.server import Sandbox
from halo_shared.clock import Clock, SystemClock
from halo_shared.entities import EntityKind
from halo_shared.integrations import HaloConnection, TenantKind
from tests.support.engine import Pass
from tests.support.http import client_of

SECRET = SecretStr("sandbox-secret")
PLACE = Place("Acme", "Main")


class HurriedClock:
    """Sleeping takes no time and moves the clock by as much; every sleep is remembered."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._at = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._at)

    def monotonic(self) -> float:
        return self._at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._at += seconds


class FastClock(SystemClock):
    """The machine's clock, running faster: two sides that share it wait for each other in earnest."""

    FASTER = 150.0

    def monotonic(self) -> float:
        return super().monotonic() * self.FASTER

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / self.FASTER)


def connection(
    url: str,
    *,
    kind: TenantKind = TenantKind.HOSTED,
    tenant: str | None = None,
    client_id: str = "halo-integrator",
) -> HaloConnection:
    return HaloConnection(
        kind=kind, url=AnyHttpUrl(url), tenant=tenant, client_id=client_id, client_secret="secret://halo"
    )


@dataclass(slots=True)
class Slice:
    """A budget that a test may change."""

    requests_per_minute: int = 6000


@dataclass(slots=True)
class Ear:
    """Hears what a target tells."""

    heard: list[str] = field(default_factory=list)

    async def __call__(self, text: str) -> None:
        self.heard.append(text)


@dataclass(frozen=True, slots=True)
class Levers:
    """What a test may do to a running sandbox behind Halo's back."""

    http: httpx.AsyncClient

    async def fault(self, kind: str, path: str = "/api/*", **more: object) -> None:
        await self._ask("POST", "faults", {"kind": kind, "path": path, **more})

    async def plant(self, path: str, rows: list[dict[str, object]]) -> None:
        """Store these rows as somebody else would, in one request."""
        form = {"grant_type": "client_credentials", "client_id": "halo-integrator"}
        token = await self.http.post(
            "/auth/token",
            params={"tenant": "sandbox"},
            data={**form, "client_secret": SECRET.get_secret_value()},
        )
        bearer = {"Authorization": f"Bearer {token.json()['access_token']}"}
        response = await self.http.post(f"/api/{path}", json=rows, headers=bearer, timeout=60)
        assert response.is_success, response.text

    async def switches(self, **switches: object) -> None:
        await self._ask("PUT", "switches", switches)

    async def revoke(self) -> None:
        await self._ask("POST", "revoke")

    async def held(self, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = await self._ask("GET", f"held/{name}")
        return rows

    async def counts(self) -> dict[str, int]:
        counts: dict[str, int] = (await self._ask("GET", "requests"))["counts"]
        return counts

    async def queries(self, path: str) -> list[str]:
        """The queries of the requests to this path, in the order in which they came."""
        entries = (await self._ask("GET", "requests"))["requests"]
        return [entry["query"] for entry in entries if entry["path"] == path]

    async def forget(self) -> None:
        await self._ask("DELETE", "requests")

    async def _ask(self, method: str, path: str, body: object = None) -> Any:  # Any: JSON of the control API
        response = await self.http.request(method, f"/sandbox/{path}", json=body)
        assert response.is_success, response.text
        return response.json() if response.content else None


@asynccontextmanager
async def levers(sandbox: Sandbox) -> AsyncIterator[Levers]:
    async with client_of(sandbox.url) as http:
        yield Levers(http)


@asynccontextmanager
async def halo(
    sandbox: Sandbox,
    clock: Clock | None = None,
    *,
    permit: Permit | None = None,
    tell: Ear | None = None,
    use: Use | None = None,
) -> AsyncIterator[HaloTarget]:
    """A target on this sandbox that never really waits."""
    async with open_halo(
        connection(sandbox.url),
        SECRET,
        clock=clock or HurriedClock(),
        budget=Slice(),
        permit=permit or Pass(),
        tell=tell or Ear(),
        use=use or Use(label="people"),
    ) as target:
        yield target


@dataclass(frozen=True, slots=True)
class Scripted:
    """A client whose other side is a function of the test."""

    client: HaloClient
    auth: HaloAuth
    clock: HurriedClock
    ear: Ear


@asynccontextmanager
async def scripted(
    answer: Callable[[httpx.Request], httpx.Response],
    *,
    url: str = "https://acme.example",
    per_minute: int = 6000,
) -> AsyncIterator[Scripted]:
    """A client on `answer`; tokens are given without asking it, unless it is asked for one itself."""
    clock = HurriedClock()

    def halo(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/authinfo":
            return httpx.Response(200, json={"auth_url": f"{url}/auth", "tenant_id": "acme"})
        if request.url.path == "/auth/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        return answer(request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(halo)) as http:
        auth = HaloAuth(http, connection(url), SECRET, clock)
        ear = Ear()
        traffic = Traffic(clock, Slice(per_minute), ear)
        client = HaloClient(http, connection(url), auth, traffic, clock, Pass())
        yield Scripted(client, auth, clock, ear)


def person(
    id_: str, *, name: str = "Anna Berg", active: bool = True, place: Place = PLACE, **fields: str
) -> Desired:
    """A wish for a user known by its `azureoid`."""
    return Desired(
        kind=EntityKind.USERS,
        source_id=id_,
        name=name,
        active=active,
        always={"name": name, **fields},
        on_create={},
        when_empty={},
        identity=("azureoid", id_),
        place=place,
    )


def machine(
    id_: str,
    tag: str,
    *,
    type_: str = "Workstation",
    always: Fields | None = None,
    when_empty: Fields | None = None,
) -> Desired:
    """A wish for an asset known by its `lansweeper_id`."""
    return Desired(
        kind=EntityKind.ASSETS,
        source_id=id_,
        name=tag,
        active=True,
        always={"inventory_number": tag, **(always or {})},
        on_create={},
        when_empty=when_empty or {},
        identity=("lansweeper_id", id_),
        place=PLACE,
        asset_type=type_,
    )


def update(desired: Desired, existing: TargetRecord, *, reactivate: bool = False, **fields: str) -> Update:
    return Update(desired, existing, fields, reason="changed at its source", reactivate=reactivate)


def retire(desired: Desired, halo_id: int) -> Retire:
    return Retire(
        desired.kind, desired.source_id, halo_id, desired.name, reason="no longer at its source", hash=""
    )
