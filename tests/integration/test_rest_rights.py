"""Roles on the way in: each operation as a stranger to another tenant, and what is refused within one's own."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx
import pytest
import pytest_asyncio

from halo_controller.access.roles import Action, Role
from halo_controller.access.tokens import Token
from halo_controller.api.app import build
from halo_controller.api.context import Wired, needs
from halo_controller.audit.nouns import Noun
from halo_controller.publisher import Publisher
from halo_controller.store import tenants, tokens
from halo_controller.store.database import open_database
from halo_controller.wiring import Controller
from halo_shared.clock import SystemClock
from halo_shared.errors import SourceUnavailable
from halo_shared.runs import RunStatus
from halo_shared.transport.memory import MemoryTransport
from tests.support import builders
from tests.support.agent_double import Attempt
from tests.support.builders import tenant_spec
from tests.support.rest import PEOPLE, Api, Json, Office, Operation, an_api, an_office, definition, operations

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPEN_TO_ALL: Final = "GET /health"
NEEDS_A_BROKER: Final = "/monitors"
"""See test_monitors."""
NOTHING: Final = {
    "tenant": "nowhere",
    "name": "nothing",
    "group": "no-such-one",
    "connector": "no-such-one",
    "agent": "no-such-one",
    "run": "000000000000",
    "person": "no-such-one",
    "incident": "00000000",
    "notification": "00000000",
    "silence": "00000000",
    "record": "999999",
    "monitor": "no-such-one",
    "token": "no-such-one",
    "entry": "999999",
}


async def fail_with_a_record(attempt: Attempt) -> None:
    await attempt.outcomes(builders.outcome(keys=("globex@globex.example",)))
    await attempt.finished(RunStatus.FAILED, error=SourceUnavailable())


@dataclass(frozen=True, slots=True)
class House:
    """Two tenants: acme, whose tokens these are, and globex, which has one of everything."""

    office: Office
    reader: Api
    administrator: Api
    observer: Api
    globex: Mapping[str, str]
    known: tuple[Operation, ...]

    def token(self, role: Role) -> Api:
        tokens = {
            Role.READER: self.reader,
            Role.ADMINISTRATOR: self.administrator,
            Role.OBSERVER: self.observer,
        }
        return tokens.get(role, self.office)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder: Path = tmp_path_factory.mktemp("house")
    async with an_office(folder) as office:
        await office.set_up()
        globex = await furnish(office)
        given = [
            await office.post("/tokens", {"name": role, "role": role, "tenants": tenants}, status=201)
            for role, tenants in (
                (Role.READER, ["acme"]),
                (Role.ADMINISTRATOR, ["acme"]),
                (Role.OBSERVER, []),
            )
        ]
        reader, administrator, observer = (Api(office.http, one["token"]) for one in given)
        yield House(
            office,
            reader,
            administrator,
            observer,
            globex,
            tuple(operations(await office.get("/openapi.json"))),
        )


async def furnish(office: Office) -> Mapping[str, str]:
    """Give globex one of everything; answers with where each is."""
    await office.post("/tenants", tenant_spec("globex").model_dump(mode="json"), status=201)
    await office.post("/groups", {"name": "globex-site"}, status=201)
    await office.post("/agents", {"name": "globex-agent", "group": "globex-site"}, status=201)
    spec = definition(name="globex-people", group="globex-site")
    await office.post("/tenants/globex/integrations", spec, status=201)
    one = "/tenants/globex/integrations/globex-people"
    await office.post(f"{one}/enable")
    person = {"name": "globex-jane", "tenant": "globex", "channels": [{"address": "jane@globex.example"}]}
    person["channels"][0]["kind"] = "email"  # type: ignore[index]  # JSON
    await office.post("/people", person, status=201)
    (notification,) = await office.post("/people/globex-jane/trial", status=202)
    silence = await office.post("/silences", {"tenant": "globex", "reason": "globex moves"}, status=201)
    token = {"name": "globex-reader", "role": "reader", "tenants": ["globex"]}
    await office.post("/tokens", token, status=201)
    async with office.agent(fail_with_a_record, name="globex-agent"):
        run = (await office.post(f"{one}/run", status=202))["id"]
        await office.until(run, status="failed")
    (incident,) = await office.get("/incidents", tenant="globex")
    (record,) = await office.get(f"/runs/{run}/records")
    (entry, *_) = await office.get("/audit", tenant="globex")
    return {
        "tenant": "globex",
        "name": "globex-people",
        "group": "globex-site",
        "connector": "ldap",
        "agent": "globex-agent",
        "run": str(run),
        "person": "globex-jane",
        "incident": str(incident["id"]),
        "notification": str(notification["id"]),
        "silence": str(silence["id"]),
        "record": str(record["id"]),
        "token": "globex-reader",
        "entry": str(entry["id"]),
    }


async def test_every_operation_declares_its_action(house: House) -> None:
    undeclared = {str(one) for one in house.known if one.action is None}

    assert undeclared == {OPEN_TO_ALL}
    assert {one.action for one in house.known if one.action} == set(Action)


@pytest.mark.parametrize("role", [Role.READER, Role.ADMINISTRATOR])
async def test_what_another_tenant_has_is_answered_like_what_is_not_there(house: House, role: Role) -> None:
    token, before = house.token(role), await house.office.get("/audit", limit=1_000)

    for operation in house.known:
        if "{" not in operation.path or operation.path.startswith(NEEDS_A_BROKER):
            continue
        theirs = await tried(token, operation, house.globex)
        nothing = await tried(token, operation, NOTHING)

        assert theirs.status_code == nothing.status_code, operation
        assert wording(theirs, house.globex) == wording(nothing, NOTHING), operation
        may = role.has(Action(operation.action))
        in_path = "{tenant}" in operation.path
        assert theirs.status_code == (404 if may or in_path else 403), (operation, theirs.text)

    assert await house.office.get("/audit", limit=1_000) == before


@pytest.mark.parametrize("role", [Role.READER, Role.ADMINISTRATOR])
async def test_no_list_tells_of_another_tenant(house: House, role: Role) -> None:
    asked = 0
    for operation in house.known:
        looks = operation.method == "GET" and "{" not in operation.path and operation.action
        if not looks or operation.path.startswith(NEEDS_A_BROKER):
            continue
        for query in ({}, {"tenant": "globex"}, {"key": "globex@globex.example"}, {"group": "globex-site"}):
            reply = await house.token(role).ask("GET", operation.path, query=query)
            assert reply.status_code in {200, 403, 422}, reply.text
            assert reply.status_code != 200 or "globex" not in reply.text, (operation, query)
            asked += reply.status_code == 200
    assert asked > 20


@pytest.mark.parametrize("role", Role)
async def test_what_a_role_may_not_do_is_refused_in_a_sentence(house: House, role: Role) -> None:
    for operation in house.known:
        action = operation.action and Action(operation.action)
        if not action or role.has(action):
            continue
        reply = await tried(house.token(role), operation, NOTHING | {"tenant": "acme", "name": "people"})
        body = reply.json()

        assert (reply.status_code, body["error"]) == (403, "Forbidden"), operation
        assert f"This is token '{role}', a" in body["message"]
        assert f"may not {action.words}" in body["message"]


async def test_each_role_sees_what_its_tenant_has(house: House) -> None:
    for token in (house.reader, house.administrator):
        assert [one["spec"]["name"] for one in await token.get("/tenants")] == ["acme"]
        assert [one["name"] for one in await token.get("/groups")] == ["site"]
        assert [one["name"] for one in await token.get("/agents")] == ["one"]
        assert (await token.get(PEOPLE))["spec"]["name"] == "people"
    for everywhere in (house.observer, house.office):
        assert {one["spec"]["name"] for one in await everywhere.get("/tenants")} == {"acme", "globex"}
    metrics = await house.observer.ask("GET", "/metrics")
    assert metrics.status_code == 200
    assert (await house.administrator.ask("GET", "/metrics")).status_code == 403


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/people", {"name": "spy", "channels": [{"kind": "email", "address": "spy@acme.example"}]}),
        ("/silences", {"reason": "quiet"}),
        ("/tokens", {"name": "spy", "role": "operator"}),
    ],
)
async def test_an_administrator_adds_nothing_for_others(house: House, path: str, body: Json) -> None:
    token, named = house.administrator, path == "/tokens"

    for tenant in ("globex", "nowhere"):
        theirs = {"tenants": [tenant], "role": "reader"} if named else {"tenant": tenant}
        said = await token.refused(404, "POST", path, body | theirs)
        assert said == f"There is no tenant '{tenant}'. The tenants are: acme."
    assert "an operator" in await token.refused(403, "POST", path, body)


async def test_an_administrator_moves_nobody_to_others(house: House) -> None:
    person = {"name": "bob", "tenant": "acme", "channels": [{"kind": "email", "address": "bob@acme.example"}]}
    await house.administrator.post("/people", person, status=201)

    await house.administrator.refused(404, "PUT", "/people/bob", person | {"tenant": "globex"})
    await house.administrator.refused(403, "PUT", "/people/bob", person | {"tenant": None})

    assert (await house.office.get("/people/bob"))["tenant"] == "acme"
    await house.administrator.delete("/people/bob")


async def test_an_administrator_names_no_others_secrets(house: House) -> None:
    def person(reference: str) -> Json:
        return {"name": "bob", "tenant": "acme", "channels": [{"kind": "slack", "url": reference}]}

    for foreign in ("secret://slack-globex", "secret://acme-uk.slack", "secret://globex.slack"):
        said = await house.administrator.refused(403, "POST", "/people", person(foreign))
        assert f"which {foreign} does not. Name it secret://acme." in said
    await house.administrator.post("/people", person("secret://acme.slack"), status=201)
    await house.administrator.refused(403, "PUT", "/people/bob", person("secret://slack"))

    await house.office.put("/people/bob", person("secret://slack"))
    await house.administrator.put("/people/bob", person("secret://slack") | {"title": "Bob"})
    await house.administrator.delete("/people/bob")


async def test_an_administrator_sends_its_runs_to_no_others_agents(house: House) -> None:
    for group in ("globex-site", "nowhere"):
        said = await house.administrator.refused(404, "POST", f"{PEOPLE}/assign", {"group": group})
        assert said == f"There is no group '{group}'. The groups are: site."


async def test_an_administrator_gives_what_it_has_and_takes_it_back(house: House) -> None:
    new = {"name": "bob", "role": "reader", "tenants": ["acme"], "lasts": "1h"}
    given = await house.administrator.post("/tokens", new, status=201)
    bob = Api(house.office.http, given["token"])

    assert [one["spec"]["name"] for one in await bob.get("/tenants")] == ["acme"]
    assert {one["name"] for one in await house.administrator.get("/tokens")} == {
        *("reader", "administrator", "bob")
    }
    await house.administrator.delete("/tokens/bob")
    assert (await bob.ask("GET", "/tenants")).status_code == 401


async def test_a_route_that_forgets_its_action_or_its_entry_fails(tmp_path: Path) -> None:
    async with open_database(tmp_path / "controller.db") as database:
        clock, transport = SystemClock(), MemoryTransport()
        app = build(Controller(database, transport, Publisher(database, transport, clock), clock))

        @app.get("/undeclared")
        async def undeclared(controller: Wired) -> None:
            raise AssertionError("it got a controller")

        @app.post("/unwritten", dependencies=[needs(Action.GROUPS_ADD)])
        async def unwritten(controller: Wired) -> None:
            async with controller.database.write() as db:
                await tenants.add_group(db, "site", "", clock.now())

        @app.post("/written", dependencies=[needs(Action.GROUPS_ADD)])
        async def written(controller: Wired) -> None:
            async with controller.changing(Noun.GROUP, "site") as change:
                await tenants.add_group(change.db, "site", "", clock.now())

        async with an_api(database, transport, app=app) as api:
            for method, path in (("GET", "/undeclared"), ("POST", "/unwritten")):
                await api.refused(500, method, path)
            assert await api.get("/groups") == []
            await api.post("/written")
            (entry,) = await api.get("/audit")
            assert (entry["name"], entry["before"], entry["after"]["name"]) == ("site", None, "site")


async def test_no_token_is_ever_in_the_audit_log(house: House) -> None:
    said = await house.office.ask("GET", "/audit", query={"limit": 1_000})

    assert all(one.token not in said.text for one in (house.office, house.reader, house.administrator))
    first = said.json()[-1]
    assert (first["who"], first["action"], first["name"]) == ("controller", "tokens.add", "operator")


async def test_a_token_ends_when_its_time_is_over(tmp_path: Path) -> None:
    now = SystemClock().now()
    over, going = Token(name="over", role=Role.OPERATOR, created_at=now, expires_at=now), "hct_going"
    async with open_database(tmp_path / "controller.db") as database:
        async with database.write() as db:
            await tokens.put(db, over, "hct_over")
            later = over.model_copy(update={"name": "going", "expires_at": now + timedelta(hours=1)})
            await tokens.put(db, later, going)
        async with an_api(database, MemoryTransport()) as api:
            reply = await api.ask("GET", "/runs", token="hct_over")
            assert reply.status_code == 401
            assert f"Token 'over' ended at {now:%Y-%m-%d %H:%M} UTC." in reply.json()["message"]

            assert (await api.ask("GET", "/runs", token=going)).status_code == 200
            first = await used(api, "going")
            assert (await api.ask("GET", "/runs", token=going)).status_code == 200
            assert first
            assert await used(api, "going") == first  # so that not each request writes


async def test_a_request_keeps_the_id_that_it_came_with(house: House) -> None:
    headers = {"Authorization": f"Bearer {house.office.token}", "X-Request-ID": "from-our-proxy.1"}

    reply = await house.office.http.post("/groups", json={"name": "traced"}, headers=headers)

    assert reply.headers["x-request-id"] == "from-our-proxy.1"
    assert (await house.office.get("/audit", limit=1))[0]["request"] == "from-our-proxy.1"


async def used(api: Api, name: str) -> str | None:
    """When the token of this name was last used."""
    found = {one["name"]: one["used_at"] for one in await api.get("/tokens")}
    return str(found[name]) if found[name] else None


async def tried(token: Api, operation: Operation, places: Mapping[str, str]) -> httpx.Response:
    """The operation on what is at these places, with its own example for a body."""
    body = operation.example
    if operation.method == "PUT" and body and "name" in body:
        named = operation.path.rpartition("{")[2].rstrip("}")
        body |= {"name": places[named]}
    query = {"key": "x"} if operation.path == "/records" else None
    return await token.ask(operation.method, operation.path.format(**places), body, query)


def wording(reply: httpx.Response, places: Mapping[str, str]) -> str:
    """The answer without the names that were asked for."""
    said = reply.text
    for name in sorted(places.values(), key=len, reverse=True):
        said = said.replace(name, "<name>")
    return said
