"""Integrations over the REST API: written down, checked, changed, switched and assigned."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from halo_agent import connectors
from halo_agent.connectors import find
from halo_shared import files
from halo_shared.entities import EntityKind
from halo_shared.integrations import IntegrationSpec
from halo_shared.topology import jobs_queue
from tests.support.agent_double import Attempt, publish_event
from tests.support.builders import Attempted, finished, tenant_spec
from tests.support.rest import PEOPLE, Json, Office, definition

ALL = "/tenants/acme/integrations"
USERS = definition()["mapping"]["users"]
READ_UP_TO = {"users": "2026-01-05"}


async def until_read(office: Office) -> list[str]:
    """The mode in which the next run of acme/people reads; it leaves a cursor."""
    modes: list[str] = []

    async def sync(attempt: Attempt) -> None:
        grant = attempt.grant
        modes.append(grant.assignment.mode)
        subject = Attempted(grant.run, fence=grant.fence)
        cursors = {EntityKind(kind): cursor for kind, cursor in READ_UP_TO.items()}
        await publish_event(office.transport, finished(subject, cursors=cursors))

    async with office.agent(sync):
        await office.until(await office.run_people(), status="succeeded")
    return modes


async def test_an_integration_is_created_disabled_listed_and_shown(office: Office) -> None:
    await office.set_up(enabled=False)

    created = await office.get(PEOPLE)

    assert created["enabled"] is False
    assert created["cursors"] == {}
    assert created["last_run"] is None
    assert created["spec"]["mapping"]["users"]["fields"]["emailaddress"]["from"] == "mail"
    assert await office.get("/integrations") == [created]
    assert await office.get("/integrations", tenant="acme") == [created]
    assert await office.get("/integrations", tenant="nobody") == []


async def test_a_name_is_given_once_per_tenant(office: Office) -> None:
    await office.set_up()

    assert await office.refused(409, "POST", ALL, definition()) == (
        "There is an integration 'acme/people' already; change it with: "
        "halo-controller integrations update acme FILE"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schedul": {"every": "15m"}}, "schedul: unknown key"),
        ({"mapping": {"users": USERS | {"matches": []}}}, "mapping.users.matches: unknown key"),
        (
            {"mapping": {"users": USERS | {"match": ["phone"]}}},
            "mapping.users: match: 'phone' is not among the mapped fields (emailaddress, firstname)",
        ),
        ({"entities": []}, "entities: needs 1 at the least"),
        ({"schedule": {"every": "0s"}}, "schedule.every: must be greater than or equal to 1 second"),
    ],
    ids=["wrong key", "wrong key within", "match not mapped", "no entity", "no pause"],
)
async def test_a_wrong_definition_is_refused_with_the_field(
    office: Office, changes: dict[str, Json], said: str
) -> None:
    await office.set_up()

    assert await office.refused(422, "POST", ALL, definition(name="new") | changes) == said
    assert await office.refused(422, "PUT", PEOPLE, definition() | changes) == said


async def test_a_group_must_be_there(office: Office) -> None:
    await office.set_up()
    said = "There is no group 'nowhere'. The groups are: site."

    assert await office.refused(404, "POST", ALL, definition(name="new", group="nowhere")) == said
    assert await office.refused(404, "PUT", PEOPLE, definition(group="nowhere")) == said
    assert await office.refused(404, "POST", f"{PEOPLE}/assign", {"group": "nowhere"}) == said


async def test_a_connector_must_be_one_that_the_agents_announced(office: Office) -> None:
    await office.set_up()
    await office.post(ALL, definition(name="early", connector="csv"), status=201)  # nobody has spoken yet

    async with office.agent():
        unknown = await office.refused(422, "POST", ALL, definition(name="new", connector="csv"))
        clients = definition(entities=["clients"], mapping={"clients": USERS})
        unread = await office.refused(422, "PUT", PEOPLE, clients)
        unmapped = await office.refused(422, "POST", ALL, definition(name="new", mapping={}))

    assert unknown == "connector: no agent of group site has 'csv'; known are: ldap."
    assert unread == "entities: connector 'ldap' does not read clients; it reads: users."
    assert unmapped.startswith(
        "mapping: nothing is said about users, and connector 'ldap' has no mapping of its own for it"
    )


async def test_settings_must_fit_the_form_that_the_agents_announced(office: Office) -> None:
    await office.set_up(enabled=False)
    ldap, newer = (find("ldap").spec for _ in range(2))
    newer.settings_schema["properties"]["starttls"] = {"enum": [True, False, "always"]}
    settings = files.load(Path(connectors.__file__).parent / "ldap/sample.yaml", IntegrationSpec).settings
    wrong = settings | {"page_size": 0, "bind": "cn=reader"}
    early = await office.post(ALL, definition(name="early", settings=wrong), status=201)

    async with office.agent(connectors=(ldap, newer)):
        said = [
            await office.refused(422, "POST", ALL, definition(name="new", settings=wrong)),
            await office.refused(422, "PUT", PEOPLE, definition(settings=wrong)),
            await office.refused(422, "POST", f"{ALL}/early/enable"),
            await office.refused(422, "POST", f"{ALL}/early/assign", {"group": "site"}),
        ]
        fits = await office.put(PEOPLE, definition(settings=settings))
        of_newer = await office.put(PEOPLE, definition(settings=settings | {"starttls": "always"}))
        await office.post(f"{PEOPLE}/enable")

    assert (
        early["note"] == "No agent has said yet what connector 'ldap' wants: nothing of it could be checked."
    )
    assert fits["note"] == of_newer["note"] == ""
    assert (
        said
        == [
            (
                "settings.bind: unknown key; did you mean 'bind_dn'?\n"
                "settings.page_size: must be at least 1. Entries that the directory hands out at a time; "
                "lower it when the directory allows less."
            )
        ]
        * 4
    )
    assert (await office.get(f"{ALL}/early"))["enabled"] is False


async def test_what_is_not_there_is_answered_with_what_is(office: Office) -> None:
    await office.set_up()
    await office.post("/tenants", tenant_spec("beta").model_dump(mode="json"), status=201)
    no_tenant = "There is no tenant 'nobody'. The tenants are: acme, beta."

    assert await office.refused(404, "GET", f"{ALL}/new") == (
        "There is no integration 'acme/new'. There are: acme/people."
    )
    assert await office.refused(404, "GET", "/tenants/beta/integrations/people") == (
        "There is no integration 'beta/people'. The tenant has none yet."
    )
    assert await office.refused(404, "POST", "/tenants/nobody/integrations", definition()) == no_tenant
    assert await office.refused(404, "POST", "/tenants/nobody/integrations/people/run") == no_tenant


async def test_a_definition_is_put_under_its_own_name(office: Office) -> None:
    await office.set_up()

    assert await office.refused(422, "PUT", PEOPLE, definition(name="new")) == (
        "name: this is the definition of 'new', and it was sent to 'acme/people'."
    )


async def test_after_a_change_the_next_run_reads_everything(office: Office) -> None:
    await office.set_up()
    modes = await until_read(office)
    assert (await office.get(PEOPLE))["cursors"] == READ_UP_TO
    modes += await until_read(office)

    by_mail = {"users": USERS | {"match": ["firstname"]}}
    changed = await office.put(PEOPLE, definition(title="Staff", group=None, mapping=by_mail))

    assert changed["cursors"] == {}
    assert changed["enabled"] is True
    assert (changed["spec"]["title"], changed["spec"]["group"]) == ("Staff", "site")
    modes += await until_read(office)
    assert modes == ["full", "delta", "full"]


async def test_another_time_or_limit_reads_on(office: Office) -> None:
    await office.set_up()
    await until_read(office)

    changed = await office.put(PEOPLE, definition(schedule={"every": "1d"}, deadline="2h"))

    assert changed["cursors"] == READ_UP_TO
    assert changed["next"]["reason"].startswith("it runs every 1d, next at ")


async def test_another_group_reads_everything_and_the_same_one_does_not(office: Office) -> None:
    await office.set_up()
    await office.post("/groups", {"name": "other"}, status=201)
    await until_read(office)

    same = await office.post(f"{PEOPLE}/assign", {"group": "site"})
    assert same["cursors"] == READ_UP_TO
    other = await office.post(f"{PEOPLE}/assign", {"group": "other"})
    assert other["cursors"] == {}

    await office.run_people()
    await office.until_waiting(jobs_queue("other"))


async def test_what_runs_next_is_said_with_the_reason(office: Office) -> None:
    async def said(verb: str, body: Json = None) -> str:
        view = await office.post(f"{PEOPLE}/{verb}", body)
        assert view["next"]["at"] is None
        return str(view["next"]["reason"])

    await office.set_up(enabled=False, group=None)

    assert await said("disable") == "it is disabled"
    assert await said("enable") == "it has no schedule and runs only when somebody asks for it"
    await office.put(PEOPLE, definition(group=None, schedule={"every": "1h"}))
    assert await said("enable") == "it is assigned to no group of agents"
    assert await said("assign", {"group": "site"}) == "it is scheduled and has never run"


async def test_a_schedule_opens_the_run_and_says_when_the_next_one_comes(office: Office) -> None:
    await office.set_up(schedule={"every": "1h"})

    async with office.agent():
        run = await first_run(office)
        await office.until(run["id"], status="succeeded")

    assert (run["trigger"], run["reason"]) == ("schedule", "it is scheduled and has never run")
    following = (await office.get(PEOPLE))["next"]
    at = datetime.fromisoformat(following["at"])
    assert at - datetime.fromisoformat(run["queued_at"]) == timedelta(hours=1)
    assert following["due"] is False
    assert following["reason"] == f"it runs every 1h, next at {at:%Y-%m-%d %H:%M:%S} UTC"


async def test_while_a_run_is_open_no_other_is_due(office: Office) -> None:
    await office.set_up(schedule={"every": "1h"})

    run = await first_run(office)
    await office.until(run["id"], status="dispatched")

    shown = (await office.get(PEOPLE))["next"]
    assert shown == {"due": False, "reason": f"run {run['id']} is still dispatched", "at": None}


async def first_run(office: Office) -> Json:
    """The run that the scheduler opens."""
    return await office.until_found("/runs", lambda runs: runs[0] if runs else None)
