"""What holds for every operation of the REST API, as its own OpenAPI document lists them."""

from pathlib import Path
from typing import Final

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from halo_controller.store import tables
from halo_controller.store.database import open_database
from halo_shared.errors import SourceUnavailable
from halo_shared.runs import RunStatus
from halo_shared.transport.memory import MemoryTransport
from tests.support import builders
from tests.support.agent_double import CLOUD, Attempt
from tests.support.builders import RUN_ID, excess
from tests.support.rest import Json, Office, Operation, an_api, operations, refusal

ONE: Final = "/tenants/{tenant}/integrations/{name}"
HOSTED: Final = "/tenants/{tenant}/hosted/{name}"
PLACES: Final = {
    "connector": "ldap",
    "tenant": "acme",
    "name": "people",
    "agent": "london-1",
    "run": RUN_ID,
    "person": "jane",
    "incident": "5d21",
    "notification": "77aa",
    "silence": "9be2",
    "monitor": "grafana",
    "record": "1",
    "token": "acme-dashboard",
    "entry": "1",
}
NEED_A_BROKER: Final = {"POST /monitors", "GET /monitors", "DELETE /monitors/{monitor}"}
"""See test_monitors."""
OPEN_TO_ALL: Final = "GET /health"


async def documented(office: Office) -> list[Operation]:
    return operations(await office.get("/openapi.json"))


class Caller:
    """Calls operations by their names, and remembers which."""

    def __init__(self, office: Office, known: list[Operation]) -> None:
        self.called: set[str] = set()
        self._office = office
        self._known = {str(operation): operation for operation in known}

    async def call(self, name: str, body: Json = None, /, *, query: str = "", **places: str) -> Json:
        """What it answers when all is well; a body that is not given is the document's example."""
        operation = self._known[name]
        path = operation.path.format(**PLACES | places) + query
        reply = await self._office.ask(operation.method, path, body or operation.example)
        assert reply.status_code == operation.success, f"{name}: {reply.text}"
        self.called.add(name)
        await self._wrote_itself_down(operation, reply.headers.get("x-request-id", ""))
        return reply.json() if reply.content else None

    async def _wrote_itself_down(self, operation: Operation, request: str) -> None:
        """A change has left exactly one entry in the audit log, and a look has left none."""
        entries = await self._office.get("/audit", limit=1_000)
        left = [entry["action"] for entry in entries if entry["request"] == request]
        assert left == ([] if operation.method == "GET" else [operation.action]), operation


async def hold(attempt: Attempt) -> None:
    await attempt.finished(RunStatus.HELD, held_for=(excess(),))


async def tell_of_jane(attempt: Attempt) -> None:
    await attempt.outcomes(builders.outcome(keys=("jane@acme.example",)))
    await attempt.finished()


async def explain(office: Office, caller: Caller) -> None:
    """A preview, what it found of a record, and one record alone."""
    call = caller.call
    await call(f"PUT {ONE}/limits")
    async with office.agent(tell_of_jane, name="london-1"):
        run = (await call(f"POST {ONE}/run/preview"))["id"]
        await office.until(run, status="succeeded")
        (record,) = await call("GET /runs/{run}/records", run=run)
        assert await call("GET /records", query="?key=Jane@acme.example") == [record]
        assert await call("GET /records/{record}", record=str(record["id"])) == record
        run = (await call(f"POST {ONE}/run/one"))["id"]
        await office.until(run, status="succeeded")


async def host(office: Office, caller: Caller) -> None:
    """An integration that its host runs, and the pages that show it."""
    call = caller.call
    await office.post("/groups", {"name": "hosted"}, status=201)
    await office.post("/agents", {"name": "cloud-1", "group": "hosted"}, status=201)
    async with office.agent(name="cloud-1", connectors=(CLOUD,)):
        await call(f"PUT {HOSTED}", name=CLOUD.name)
        await call(f"PUT {HOSTED}/time", name=CLOUD.name)
        await call(f"DELETE {HOSTED}/time", name=CLOUD.name)
        await call("PUT /hosted/classes", await call("GET /hosted/classes"))
        assert (await call("POST /tenants/{tenant}/check"))["answer"]["failure"] is None
        assert await call("GET /catalogue/{connector}", connector=CLOUD.name) in await call("GET /catalogue")
        for page in ("active", "schedule", "log"):
            await call(f"GET /integrator/{page}")


async def let_in(caller: Caller) -> None:
    """A token, from its first day to its last, and what the audit log says of it."""
    for name in ("POST /tokens", "GET /tokens", "DELETE /tokens/{token}", "GET /audit", "GET /audit/{entry}"):
        await caller.call(name)


async def tell_people(caller: Caller) -> None:
    """Somebody who is told of incidents, and a silence."""
    call = caller.call
    await call("POST /people")
    await call("GET /people")
    jane = await call("GET /people/{person}")
    await call("PUT /people/{person}", jane)
    await call("GET /people/{person}/bounces")
    trials = await call("POST /people/{person}/trial")
    await call("GET /notifications")
    await call("GET /notifications/{notification}", notification=trials[0]["id"])
    silence = await call("POST /silences")
    await call("GET /silences")
    await call("DELETE /silences/{silence}", silence=silence["id"])
    await call("DELETE /people/{person}")


async def fail(attempt: Attempt) -> None:
    await attempt.finished(RunStatus.FAILED, error=SourceUnavailable())


async def test_every_operation_works_and_so_do_the_examples(office: Office) -> None:
    known = await documented(office)
    caller = Caller(office, known)
    call = caller.call

    await call("POST /tenants")
    await call("PUT /tenants/{tenant}")
    await call("POST /groups")
    await call("POST /agents")
    created = await call("POST /tenants/{tenant}/integrations")
    await call(f"PUT {ONE}", created["spec"] | {"schedule": None})
    await call(f"POST {ONE}/assign", {"group": "acme-london"})
    await call(f"POST {ONE}/enable")
    await call(f"POST {ONE}/pause", {"reason": "it is tried"})
    await call(f"POST {ONE}/resume")
    for shown in ("why", "starts", "preview"):
        await call(f"GET {ONE}/{shown}")
    listings = ("tenants", "groups", "agents", "strangers", "integrations", "runs", "topology", "health")
    for plain in (
        *(f"GET /{listing}" for listing in listings),
        "POST /agents/{agent}/drain",
        "POST /agents/{agent}/resume",
        "GET /agents/{agent}",
        "GET /tenants/{tenant}",
        f"GET {ONE}",
    ):
        await call(plain)

    await tell_people(caller)

    async with office.agent(fail, name="london-1"):
        run = (await call(f"POST {ONE}/run"))["id"]
        await office.until(run, status="failed")
    (incident,) = await call("GET /incidents")
    await call("GET /incidents/{incident}", incident=incident["id"])
    await call("POST /incidents/{incident}/acknowledge", incident=incident["id"])

    await let_in(caller)
    await explain(office, caller)
    await host(office, caller)
    async with office.agent(hold, name="london-1"):
        run = (await call(f"POST {ONE}/run"))["id"]
        await office.until(run, status="held")
        await call("POST /runs/{run}/approve", run=run)
        await office.until(run, status="held")
        await call("POST /runs/{run}/reject", run=run)
        run = (await call(f"POST {ONE}/run"))["id"]
        await office.until(run, status="held")
        await call("POST /runs/{run}/cancel", run=run)
    for told in ("", "/events", "/story"):
        await call(f"GET /runs/{{run}}{told}", run=run)
    await call("GET /log")
    await call(f"POST {ONE}/disable")
    await call("DELETE /agents/{agent}")

    assert caller.called | NEED_A_BROKER == {str(operation) for operation in known}


@pytest.mark.parametrize("token", ["", "hct_nobodys"], ids=["none", "wrong"])
async def test_only_health_answers_strangers(office: Office, token: str) -> None:
    for operation in await documented(office):
        path = operation.path.format(**PLACES)
        reply = await office.ask(operation.method, path, token=token)
        if str(operation) == OPEN_TO_ALL:
            assert reply.status_code == 200
        else:
            assert refusal(reply, 401)["error"] == "Unauthorised", operation
            assert reply.headers["www-authenticate"] == "Bearer"


async def test_a_refusal_says_how_to_get_in(office: Office) -> None:
    without = await office.ask("GET", "/runs", token="")
    wrong = await office.ask("GET", "/runs", token="hct_nobodys")

    assert "Authorization: Bearer TOKEN" in refusal(without, 401)["message"]
    assert "operator.token" in refusal(wrong, 401)["message"]
    assert "hct_nobodys" not in wrong.text


async def test_every_documented_refusal_has_the_one_shape(office: Office) -> None:
    for operation in await documented(office):
        for status, answer in operation.described["responses"].items():
            if int(status) >= 400 and str(operation) != OPEN_TO_ALL:
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorBody"}, (operation, status)


@given(key=st.text())
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_an_unknown_key_is_refused_by_its_name(office: Office, key: str) -> None:
    for operation in await documented(office):
        if operation.body:
            path = operation.path.format(**PLACES)
            message = await office.refused(422, operation.method, path, {f"x{key}": 1})
            assert f"x{key}: unknown key" in message, operation


@pytest.mark.parametrize(
    ("status", "method", "path", "body", "said"),
    [
        (404, "GET", "/nowhere", None, "GET /nowhere: Not Found. All paths are listed at /docs."),
        (405, "PATCH", "/groups", None, "PATCH /groups: Method Not Allowed. All paths are listed at /docs."),
        (422, "POST", "/groups", None, "body: is missing"),
        (422, "POST", "/groups", ["site"], "body: must be an object"),
        (422, "POST", "/groups", {"title": "London"}, "name: is missing"),
        (422, "POST", "/agents", {"name": 1}, "name: must be a valid string; group: is missing"),
        (
            422,
            "POST",
            "/groups",
            {"name": "Acme London"},
            "name: must be 1 to 40 lower-case letters, digits and inner hyphens",
        ),
    ],
)
async def test_a_refusal_names_what_is_wrong(
    office: Office, status: int, method: str, path: str, body: Json, said: str
) -> None:
    assert await office.refused(status, method, path, body) == said


async def test_what_is_not_json_is_refused_where_it_ceases_to_be(office: Office) -> None:
    headers = {"Authorization": f"Bearer {office.token}", "Content-Type": "application/json"}

    reply = await office.http.post("/groups", content=b'{"name": oops}', headers=headers)

    assert refusal(reply, 422)["message"] == "body: is not JSON, at character 9: Expecting value"


async def test_a_secret_that_was_sent_by_mistake_is_not_repeated(office: Office) -> None:
    halo = {"url": "https://acme.example", "client_id": "x", "client_secret": "hunter2-canary"}

    message = await office.refused(422, "POST", "/tenants", {"name": "acme", "halo": halo})

    assert message.startswith("halo.client_secret: must be a reference such as secret://halo-acme")
    assert "hunter2-canary" not in message


async def test_answers_hold_references_to_secrets_and_never_the_operators_token(office: Office) -> None:
    await office.set_up(settings={"bind_password": "secret://ldap-bind"})

    answers: list[httpx.Response] = []
    for operation in await documented(office):
        if operation.method == "GET":
            path = operation.path.format(**PLACES | {"agent": "one"})
            answers.append(await office.ask("GET", path))

    said = "".join(answer.text for answer in answers)
    assert "secret://halo-acme" in said
    assert "secret://ldap-bind" in said
    assert office.token not in said


async def test_a_fault_of_ours_has_the_one_shape_and_gives_nothing_away(tmp_path: Path) -> None:
    async with open_database(tmp_path / "controller.db") as database:
        async with database.write() as db:
            await db.run_sync(tables.attempts.drop)
            await db.run_sync(tables.runs.drop)
        async with an_api(database, MemoryTransport()) as api:
            message = await api.refused(500, "GET", "/runs")

    assert message == "This is a fault of ours; the controller's log tells more."
