"""Tenants, groups and agents over the REST API."""

import pytest

from halo_shared.topology import agent_queue, jobs_queue
from tests.support.agent_double import LDAP, Attempt
from tests.support.builders import tenant_spec
from tests.support.rest import Json, Office

ACME = tenant_spec().model_dump(mode="json", by_alias=True)
BETA = tenant_spec("beta").model_dump(mode="json", by_alias=True)


async def test_tenants_are_added_listed_and_shown(office: Office) -> None:
    assert await office.get("/tenants") == []

    await office.post("/tenants", BETA, status=201)
    added = await office.post("/tenants", ACME, status=201)

    assert added["spec"] == ACME
    assert [tenant["spec"]["name"] for tenant in await office.get("/tenants")] == ["acme", "beta"]
    assert await office.get("/tenants/acme") == added


async def test_groups_are_added_and_listed(office: Office) -> None:
    added = await office.post("/groups", {"name": "site", "title": "London"}, status=201)

    assert (added["title"], added["note"]) == ("London", "")
    assert [group["name"] for group in await office.get("/groups")] == ["site"]


async def test_agents_are_registered_listed_and_shown(office: Office) -> None:
    for group in ("site", "other"):
        await office.post("/groups", {"name": group}, status=201)

    added = await office.post("/agents", {"name": "one", "group": "site"}, status=201)
    await office.post("/agents", {"name": "two", "group": "other"}, status=201)

    assert (added["state"], added["seen_at"], added["connectors"], added["note"]) == (
        "expected",
        None,
        [],
        "",
    )
    assert [agent["name"] for agent in await office.get("/agents")] == ["one", "two"]
    assert [agent["name"] for agent in await office.get("/agents", group="other")] == ["two"]


async def test_an_agent_that_said_hello_shows_what_it_can_do(office: Office) -> None:
    await office.set_up()

    async with office.agent():
        agent = await office.get("/agents/one")

    assert (agent["state"], agent["version"], agent["slots"]) == ("online", "0.0.1", 1)
    assert (agent["connectors"], agent["announced"]) == (["ldap"], [LDAP.model_dump(mode="json")])
    assert "session" not in agent


async def test_a_drained_agent_shows_it_and_whether_its_group_can_go_on(office: Office) -> None:
    await office.set_up()

    async with office.agent():
        drained = await office.post("/agents/one/drain")
        shown = await office.get("/agents/one")
        resumed = await office.post("/agents/one/resume")

    assert "No other agent of group 'site' is online" in drained["note"]
    assert (shown["state"], shown["draining"]) == ("draining", True)
    assert (resumed["state"], resumed["draining"], resumed["note"]) == ("online", False, "")


async def test_the_queue_of_a_group_or_an_agent_is_there_at_once(office: Office) -> None:
    assert await office.transport.depth(jobs_queue("site")) is None

    await office.post("/groups", {"name": "site"}, status=201)
    assert await office.transport.depth(jobs_queue("site")) == 0
    await office.post("/agents", {"name": "one", "group": "site"}, status=201)
    assert await office.transport.depth(agent_queue("one")) == 0


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/tenants", ACME, "There is a tenant 'acme' already; choose another name."),
        ("/groups", {"name": "site"}, "There is a group 'site' already; choose another name."),
        (
            "/agents",
            {"name": "one", "group": "site"},
            "There is an agent 'one' already; choose another name.",
        ),
    ],
)
async def test_a_name_is_given_once(office: Office, path: str, body: Json, said: str) -> None:
    await office.set_up()

    assert await office.refused(409, "POST", path, body) == said


async def test_what_is_not_there_is_answered_with_what_is(office: Office) -> None:
    assert await office.refused(404, "GET", "/tenants/acme") == (
        "There is no tenant 'acme'. There are no tenants yet."
    )
    await office.set_up()

    assert await office.refused(404, "GET", "/tenants/nobody") == (
        "There is no tenant 'nobody'. The tenants are: acme."
    )
    assert await office.refused(404, "POST", "/agents", {"name": "two", "group": "nowhere"}) == (
        "There is no group 'nowhere'. The groups are: site."
    )
    for method in ("GET", "DELETE"):
        assert await office.refused(404, method, "/agents/two") == (
            "There is no agent 'two'. Register it with: halo-controller agents add two --group GROUP"
        )


async def test_an_agent_with_an_open_run_is_not_removed(office: Office) -> None:
    async def work_on(attempt: Attempt) -> None:
        await attempt.cancelled.wait()

    await office.set_up()
    run = await office.run_people()

    async with office.agent(work_on):
        await office.until(run, status="running")
        message = await office.refused(409, "DELETE", "/agents/one")

    assert f"Agent 'one' has an open run {run} (running)" in message
    assert f"halo-controller runs cancel {run}" in message


async def test_an_agent_whose_runs_have_ended_is_removed_and_they_stay(office: Office) -> None:
    await office.set_up()
    run = await office.run_people()
    async with office.agent():
        await office.until(run, status="succeeded")

    await office.delete("/agents/one")

    assert await office.get("/agents") == []
    assert (await office.get(f"/runs/{run}"))["agent"] == "one"
