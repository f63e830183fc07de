"""The hosted integrator over the REST API: chosen by tenants, timed by its host, shown on three pages."""

import pytest

from halo_shared.errors import CredentialRefused
from halo_shared.runs import RunStatus
from tests.support.agent_double import CLOUD, Attempt, succeed
from tests.support.builders import tenant_spec
from tests.support.rest import Json, Office, definition

ENTRA = "/tenants/acme/hosted/entra-id"
CHOICE = {"entities": ["users"], "settings": {"directories": []}}
ALL = "/tenants/acme/integrations"


async def hosted_agent(office: Office, *, announced: bool = True) -> None:
    await office.post("/groups", {"name": "hosted"}, status=201)
    await office.post("/agents", {"name": "cloud-1", "group": "hosted"}, status=201)
    if announced:
        async with office.agent(name="cloud-1", connectors=(CLOUD,)):
            pass


@pytest.fixture
async def host(office: Office) -> Office:
    """Acme with a LAN integration, and a hosted agent that has said what it can do."""
    await office.set_up()
    await hosted_agent(office)
    return office


def line(rows: Json, name: str) -> Json:
    (found,) = (row for row in rows if row["integration"] == name)
    return found


async def test_a_tenant_chooses_entities_and_sees_when_and_why(host: Office) -> None:
    enabled = await host.put(ENTRA, CHOICE)

    assert (enabled["enabled"], enabled["spec"]["group"], enabled["spec"]["entities"]) == (
        True,
        "hosted",
        ["users"],
    )
    assert enabled["spec"].get("schedule") is None
    (row,) = await host.get("/integrator/schedule")
    assert (row["size"], row["override"]) == ("large", None)
    assert row["because"] == "a large sync runs out of hours (20:00 to 06:00, UTC): it is not measured yet"
    assert row["at"]


async def test_what_is_left_out_is_all_at_first_and_stays_later(host: Office) -> None:
    first = await host.put(ENTRA, {"settings": {"directories": ["one"]}})
    later = await host.put(ENTRA, {"entities": ["assets"]})

    assert first["spec"]["entities"] == ["users", "assets"]
    assert (later["spec"]["entities"], later["spec"]["settings"]) == (["assets"], {"directories": ["one"]})


@pytest.mark.parametrize(
    ("path", "body", "status", "why"),
    [
        (ENTRA, {"schedule": {"every": "5m"}}, 422, "schedule: unknown key"),
        (ENTRA, {"entities": []}, 422, "entities: needs 1 at the least"),
        (ENTRA, {"entities": ["sites"]}, 422, "connector 'entra-id' does not read sites"),
        (
            "/tenants/acme/hosted/okta",
            {},
            422,
            "'okta' is not in the catalogue of the hosted integrator; it has entra-id.",
        ),
        ("/tenants/acme/hosted/people", {}, 409, "'acme/people' runs locally, in group site."),
        ("/tenants/beta/hosted/entra-id", CHOICE, 404, "There is no tenant 'beta'."),
    ],
)
async def test_a_wrong_choice_is_refused_with_the_reason(
    host: Office, path: str, body: Json, status: int, why: str
) -> None:
    assert why in await host.refused(status, "PUT", path, body)


async def test_without_a_hosted_agent_nothing_can_be_hosted(office: Office) -> None:
    await office.set_up()
    await hosted_agent(office, announced=False)

    assert "no hosted agent has said yet what it can do" in await office.refused(422, "PUT", ENTRA, CHOICE)


async def test_a_halo_on_its_own_premises_is_never_hosted(host: Office) -> None:
    beta = tenant_spec("beta").model_dump(mode="json", by_alias=True)
    beta["halo"]["kind"] = "on_premise"
    await host.post("/tenants", beta, status=201)

    said = await host.refused(422, "PUT", "/tenants/beta/hosted/entra-id", CHOICE)

    assert said.startswith("group: the Halo of beta is on its own premises")


async def test_a_tenant_that_moves_to_its_premises_gives_up_its_hosted_integrations_first(
    host: Office,
) -> None:
    await host.put(ENTRA, CHOICE)
    moved = tenant_spec().model_dump(mode="json", by_alias=True)
    moved["halo"]["kind"] = "on_premise"

    said = await host.refused(409, "PUT", "/tenants/acme", moved)

    assert said.startswith(
        "'acme/entra-id' cannot stay as it is: group: the Halo of acme is on its own premises"
    )


async def test_a_group_on_a_tenants_network_is_for_that_tenant_only(host: Office) -> None:
    await host.post("/tenants", tenant_spec("beta").model_dump(mode="json", by_alias=True), status=201)
    added = await host.post("/groups", {"name": "beta-lan", "tenant": "beta"}, status=201)

    assert (added["kind"], added["tenant"]) == ("local", "beta")
    said = await host.refused(422, "POST", f"{ALL}/people/assign", {"group": "beta-lan"})
    assert said.startswith("group: 'beta-lan' is on another tenant's network")


@pytest.mark.parametrize(
    ("group", "why"),
    [
        ({"name": "cloud", "kind": "hosted"}, "kind: the hosted agents are the group 'hosted'"),
        ({"name": "hosted", "kind": "local"}, "kind: the hosted agents are the group 'hosted'"),
        ({"name": "hosted", "tenant": "acme"}, "tenant: the hosted agents work for every tenant"),
    ],
)
async def test_one_group_is_hosted(office: Office, group: Json, why: str) -> None:
    assert why in await office.refused(422, "POST", "/groups", group)


async def test_an_operator_gives_one_integration_its_own_time_and_takes_it_back(host: Office) -> None:
    await host.put(ENTRA, CHOICE)

    await host.put(f"{ENTRA}/time", {"cron": "0 3 * * *", "reason": "their backup runs until two"})
    (row,) = await host.get("/integrator/schedule")
    assert row["override"]["who"] == "operator"
    assert row["override"]["reason"] == "their backup runs until two"
    assert row["at"].endswith("03:00:00Z")
    assert "operator set it to run by cron '0 3 * * *'" in row["because"]

    await host.delete(f"{ENTRA}/time")
    (row,) = await host.get("/integrator/schedule")
    assert row["override"] is None


async def test_only_a_hosted_integration_is_given_a_time(host: Office) -> None:
    body = {"every": "2h", "reason": "asked for"}

    said = await host.refused(409, "PUT", "/tenants/acme/hosted/people/time", body)

    assert said == "'acme/people' is not hosted: its own definition says when it runs ('schedule')."
    assert "reason: is missing" in await host.refused(422, "PUT", f"{ENTRA}/time", {"every": "2h"})


async def test_the_first_run_measures_it_and_the_pages_show_it(host: Office) -> None:
    await host.put(ENTRA, CHOICE)

    async with host.agent(succeed, name="cloud-1", connectors=(CLOUD,)):
        run = (await host.post(f"{ALL}/entra-id/run", status=202))["id"]
        await host.until(run, status="succeeded")

    (row,) = await host.get("/integrator/schedule")
    assert row["size"] == "small"
    assert f"run {run} took 1s and read 2 records" in row["because"]
    (active,) = await host.get("/integrator/active")
    assert (active["integration"], active["integrator"], active["last_error"]) == ("entra-id", "hosted", "")
    assert active["last_sync"]
    everything = await host.get("/integrator/active", all="true")
    assert {row["integration"]: row["integrator"] for row in everything} == {
        "entra-id": "hosted",
        "people": "local",
    }
    assert (
        line(await host.get("/integrator/log", tenant="acme"), "entra-id")["counts"]["users"]["created"] == 1
    )


async def refused(attempt: Attempt) -> None:
    await attempt.finished(RunStatus.FAILED, error=CredentialRefused("Entra refused the secret."))


async def test_a_failure_is_the_last_error_until_a_run_goes_well(host: Office) -> None:
    await host.put(ENTRA, CHOICE)

    async with host.agent(refused, name="cloud-1", connectors=(CLOUD,)):
        run = (await host.post(f"{ALL}/entra-id/run", status=202))["id"]
        await host.until(run, status="failed")

    (active,) = await host.get("/integrator/active")
    assert (active["last_sync"], active["last_error"]) == (None, "Entra refused the secret.")
    assert line(await host.get("/integrator/log"), "entra-id")["error"] == "Entra refused the secret."


async def test_the_runs_of_one_tenant_wait_for_their_turn_and_say_so(host: Office) -> None:
    for number in range(3):
        await host.put(f"/tenants/acme/hosted/entra-{number}", CHOICE | {"connector": "entra-id"})
    runs = [(await host.post(f"{ALL}/entra-{number}/run", status=202))["id"] for number in range(3)]

    why = await host.get(f"{ALL}/entra-2/why")
    assert why["sentence"] == (
        f"Run {runs[2]} waits for its turn: acme has its share of the hosted agents already."
    )
    async with host.agent(succeed, name="cloud-1", connectors=(CLOUD,)):
        for run in runs:
            await host.until(run, status="succeeded")
    said = [event["text"] for event in await host.get(f"/runs/{runs[2]}/events")]
    assert any("acme has 2 runs in line or at work, which is its share" in text for text in said)
    assert "Its turn has come." in said


async def test_the_catalogue_says_what_each_tool_is_and_needs(host: Office) -> None:
    async with host.agent():
        pass

    entra, ldap = await host.get("/catalogue")

    assert (entra["name"], entra["hosted"], entra["groups"], entra["set_up"]) == (
        "entra-id",
        True,
        ["hosted"],
        ["Register an application."],
    )
    assert (ldap["name"], ldap["hosted"], ldap["kinds"]) == ("ldap", False, ["local"])
    assert await host.refused(404, "GET", "/catalogue/okta") == (
        "There is no connector 'okta'. There are: entra-id, ldap."
    )


async def test_a_local_definition_still_says_when_it_runs(host: Office) -> None:
    local = definition(name="here", connector="entra-id", group="site", schedule={"every": "15m"})
    async with host.agent(connectors=(CLOUD,)):
        await host.post(ALL, local, status=201)
        said = await host.refused(422, "POST", f"{ALL}/here/assign", {"group": "hosted"})

    assert said.startswith("schedule: when a hosted integration runs is decided by its host")


async def test_a_tenants_halo_is_tried_by_an_agent_with_the_application_of_its_group(host: Office) -> None:
    acme = tenant_spec().model_dump(mode="json", by_alias=True)
    own = {"client_id": "for-the-site", "client_secret": "secret://site"}
    await host.put("/tenants/acme", acme | {"halo": acme["halo"] | {"applications": {"site": own}}})

    async with host.agent(), host.agent(name="cloud-1", connectors=(CLOUD,)):
        by_site = await host.post("/tenants/acme/check?group=site")
        hosted = await host.post("/tenants/acme/check?group=hosted")

    assert (by_site["agent"], by_site["answer"]["steps"][0]["found"]) == ("one", "as for-the-site")
    assert (hosted["agent"], hosted["answer"]["steps"][0]["found"]) == ("cloud-1", "as halo-integrator")
    assert [right["missing"] for right in hosted["answer"]["rights"]] == ["its role forbids it"]


async def test_nobody_tries_a_halo_that_works_for_another_tenant_or_cannot_be_heard(office: Office) -> None:
    await office.post("/tenants", tenant_spec().model_dump(mode="json", by_alias=True), status=201)
    await office.post("/tenants", tenant_spec("beta").model_dump(mode="json", by_alias=True), status=201)
    await office.post("/groups", {"name": "site", "tenant": "beta"}, status=201)
    await office.post("/agents", {"name": "one", "group": "site"}, status=201)

    async with office.agent():
        assert "No agent that can be heard works for tenant 'acme'" in await office.refused(
            409, "POST", "/tenants/acme/check"
        )
        assert (await office.post("/tenants/beta/check"))["agent"] == "one"
