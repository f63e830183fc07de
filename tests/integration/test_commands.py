"""`halo-controller` as an operator meets it: processes, files, exit codes and what they print."""

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from halo_sandbox.demo.world import until
from halo_sandbox.services.rabbitmq import GivenRabbitMQ, PrivateRabbitMQ
from halo_shared.errors import AmbiguousMatch, CredentialRefused
from halo_shared.messages.events import Level, Stage
from halo_shared.runs import RunStatus
from halo_shared.topology import EVENTS_QUEUE, EXCHANGES
from halo_shared.transport.amqp import AmqpTransport
from tests.support.agent_double import Attempt, publish_event
from tests.support.builders import Attempted, excess, logged
from tests.support.commands import Centre, Desk, Printed, a_centre, printed
from tests.support.proxy import tcp_proxy
from tests.support.rest import definition

pytestmark = pytest.mark.asyncio(loop_scope="module")

TENANT = """\
name: globex
title: Globex plc
halo:
  url: https://globex.example
  client_id: halo-integrator
  client_secret: secret://halo-globex
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def centre(
    shared_broker: PrivateRabbitMQ | GivenRabbitMQ, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Centre]:
    """One controller for all tests of this module: it takes seconds to start."""
    async with shared_broker.vhost() as url, a_centre(tmp_path_factory.mktemp("centre"), url) as centre:
        yield centre


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield int(taken.getsockname()[1])


@pytest.fixture
def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return int(closed.getsockname()[1])


def desk(folder: Path, broker_url: str = "amqp://127.0.0.1:1/") -> Desk:
    """A desk without a controller, and without a broker unless one is given."""
    return Desk(folder, broker_url)


def refused(said: Printed, code: int) -> str:
    """The sentence of a command that left with this code, its last words."""
    assert (said.code, said.out) == (code, "")
    assert "Traceback" not in said.err
    return said.err.splitlines()[-1]


def rows(text: str) -> list[str]:
    """The lines of a table, with single spaces."""
    return [" ".join(line.split()) for line in text.splitlines()]


# The controller as a process


async def test_serve_leaves_a_token_and_its_address_and_ends_in_order(
    tmp_path: Path, broker_url: str
) -> None:
    here = desk(tmp_path, broker_url)
    async with here.serving() as controller:
        token = here.data / "operator.token"
        assert token.stat().st_mode & 0o777 == 0o600
        assert here.left("address").startswith("http://127.0.0.1:")
        first = here.left("operator.token")
        health = await here.type("health", "--json")
        assert (health.code, json.loads(health.out)["status"]) == (0, "ok")

        controller.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(controller.wait, 20) == 0

    assert not (here.data / "address").exists()
    assert "controller_stopped" in (tmp_path / "controller.log").read_text()
    async with here.serving():
        assert here.left("operator.token") == first, "a restart must not lock commands out"


async def test_a_second_controller_on_the_same_data_is_refused(centre: Centre) -> None:
    said = refused(await centre.type("serve", "--port", "0"), 2)

    assert said.startswith(f"Another controller works on {centre.data / 'controller.db'}.")
    assert "--data" in said
    assert (await centre.type("health")).code == 0, "the first goes on, and can still be found"


async def test_a_port_that_is_taken_is_named(tmp_path: Path, broker_url: str, taken_port: int) -> None:
    here = desk(tmp_path, broker_url)

    said = refused(await here.type("serve", "--port", str(taken_port)), 2)

    assert said.startswith(
        f"The controller cannot listen on 127.0.0.1 port {taken_port}: Address already in use."
    )
    assert "--port" in said
    assert not (here.data / "address").exists()


async def test_wrong_settings_are_told(tmp_path: Path) -> None:
    here = desk(tmp_path)
    here.environment["HALO_CONTROLLER_LOG_LEVEL"] = "loud"

    said = refused(await here.type("serve"), 2)

    assert said.startswith("settings: log_level: must be 'debug', 'info', 'warning' or 'error'")


# No way to the controller


async def test_without_a_controller_commands_say_how_to_find_one(tmp_path: Path, closed_port: int) -> None:
    here = desk(tmp_path)
    nowhere = f"http://127.0.0.1:{closed_port}"

    unknown, away = await asyncio.gather(
        here.type("tenants", "list"), here.type("health", "--url", nowhere, "--token", "x")
    )

    assert str(here.data) in refused(unknown, 3)
    assert "halo-controller serve" in unknown.err
    assert refused(away, 3).startswith(f"No controller answers at {nowhere}")


async def test_a_wrong_token_lets_nobody_in(centre: Centre) -> None:
    said = refused(await centre.type("tenants", "list", "--token", "wrong"), 3)

    assert said.startswith("The token is not known here.")


async def test_health_fails_when_the_controller_cannot_work(tmp_path: Path, broker_url: str) -> None:
    async with tcp_proxy(broker_url) as proxy:
        here = desk(tmp_path, proxy.url)
        async with here.serving():
            proxy.cut()
            said = await here.type("health")

    assert said.code == 1
    assert {"controller down", "broker down", "database ok"} <= {*rows(said.out)}
    assert "The broker does not answer; jobs and events wait until it does." in said.out


# What a controller knows


async def test_tenants(centre: Centre) -> None:
    file = centre.write("globex.yaml", TENANT)

    added = await centre.type("tenants", "add", file)
    assert (added.code, added.out) == (0, "Tenant 'globex' added.\n")
    again, listed, as_json, shown, unknown = await asyncio.gather(
        centre.type("tenants", "add", file),
        centre.type("tenants", "list"),
        centre.type("tenants", "list", "--json"),
        centre.type("tenants", "show", "globex"),
        centre.type("tenants", "show", "nobody"),
    )

    assert refused(again, 1) == "There is a tenant 'globex' already; choose another name."
    assert "globex Globex plc hosted https://globex.example/" in rows(listed.out)
    assert [tenant["spec"]["name"] for tenant in json.loads(as_json.out)] == ["acme", "globex"]
    assert "client secret secret://halo-globex (the value lies on the agents)" in rows(shown.out)
    assert refused(unknown, 2) == "There is no tenant 'nobody'. The tenants are: acme, globex."


async def test_groups_and_agents(centre: Centre) -> None:
    group = await centre.type("groups", "add", "acme-paris", "--title", "Acme, Paris")
    assert (group.code, group.out) == (0, "Group 'acme-paris' of local integrators added.\n")
    agent = await centre.type("agents", "add", "paris-1", "--group", "acme-paris")
    assert (agent.code, agent.out) == (
        0,
        "Agent 'paris-1' registered in group 'acme-paris'; it waits to be heard for the first time.\n",
    )
    groups, agents, as_json, shown, homeless = await asyncio.gather(
        centre.type("groups", "list"),
        centre.type("agents", "list", "--group", "acme-paris"),
        centre.type("agents", "list", "--group", "acme-paris", "--json"),
        centre.type("agents", "show", "paris-1"),
        centre.type("agents", "add", "x", "--group", "acme-rome"),
    )

    assert any(row.startswith("acme-paris Acme, Paris ") for row in rows(groups.out))
    assert rows(agents.out) == [
        "agent group state heard version free connectors",
        "paris-1 acme-paris expected never - - -",
    ]
    assert [(one["name"], one["state"]) for one in json.loads(as_json.out)] == [("paris-1", "expected")]
    assert {"agent paris-1", "state expected", "last heard -"} <= {*rows(shown.out)}
    assert refused(homeless, 2).startswith("There is no group 'acme-rome'. The groups are: ")

    removed = await centre.type("agents", "remove", "paris-1")
    assert (removed.code, removed.out) == (0, "Agent 'paris-1' removed.\n")


async def test_integrations(centre: Centre) -> None:
    file = centre.write(
        "staff.yaml", json.dumps(definition(name="staff", group=None, schedule={"every": "15m"}))
    )
    await centre.type("groups", "add", "acme-oslo")

    created = await centre.type("integrations", "create", "acme", file)
    assert created.code == 0
    assert created.out.endswith("Enable it with: halo-controller integrations enable acme/staff\n")
    unknown, assigned = await asyncio.gather(
        centre.type("integrations", "create", "nobody", file),
        centre.type("integrations", "assign", "acme/staff", "--group", "acme-oslo"),
    )
    assert refused(unknown, 2).startswith("There is no tenant 'nobody'. The tenants are: acme")
    assert assigned.out == "Integration 'acme/staff' assigned to group 'acme-oslo'.\n"
    disabled, as_json, shown = await asyncio.gather(
        centre.type("integrations", "list", "--tenant", "acme"),
        centre.type("integrations", "list", "--json"),
        centre.type("integrations", "show", "acme/staff"),
    )
    assert "acme/staff ldap acme-oslo disabled -" in rows(disabled.out)
    assert "acme/staff" in [f"{one['tenant']}/{one['spec']['name']}" for one in json.loads(as_json.out)]
    assert {"state disabled", "next run it is disabled", "schedule every 15m"} <= {*rows(shown.out)}

    updated = await centre.type("integrations", "update", "acme", file)
    assert updated.out == "Integration 'acme/staff' updated; its next run reads everything.\n"
    refused_run = await centre.type("run", "now", "acme/staff")
    assert "disabled" in refused(refused_run, 1)
    enabled = await centre.type("integrations", "enable", "acme/staff")
    assert enabled.out == "Integration 'acme/staff' enabled: now: it is scheduled and has never run.\n"
    off = await centre.type("integrations", "disable", "acme/staff")
    assert off.out == "Integration 'acme/staff' disabled.\n"


async def test_a_wrong_key_in_a_file_is_told_with_its_line(centre: Centre) -> None:

    centre.write("wrong.yaml", "name: wrong\nconnector: ldap\nentitles: [users]\nentities: [users]\n")

    said = await centre.type("integrations", "create", "acme", "wrong.yaml")

    assert (said.code, said.out) == (2, "")
    assert "wrong.yaml line 3: entitles: unknown key; did you mean 'entities'?" in said.err.splitlines()


async def test_schedules(centre: Centre) -> None:
    ref = await centre.integrate("planned")
    spec = definition(
        name="planned",
        schedule={"cron": "30 2 * * *", "zone": "Europe/Amsterdam", "full": {"cron": "0 4 * * sun"}},
    )
    async with centre.asking() as api:
        await api.put("/tenants/acme/integrations/planned", spec | {"group": "planned"})

        async def is_planned() -> bool:
            return bool(await api.get("/tenants/acme/integrations/planned/preview"))

        await until(is_planned)
    unheard = await centre.type("why", ref)
    assert rows(unheard.out) == [
        "No agent of group planned can be heard; none was ever heard of.",
        "→ halo-agent run, on the agent's machine",
    ]

    paused = await centre.type("integrations", "pause", ref, "--reason", "the directory is moved")
    assert paused.code == 0, paused.err
    shown = await centre.type("schedule", "preview", ref, "-n", "8", "--json")
    coming = json.loads(shown.out)
    assert [one["mode"] for one in coming].count("full") == 1
    assert {tuple(one["remarks"][:1]) for one in coming} == {("it is paused: the directory is moved",)}

    resumed = await centre.type("integrations", "resume", ref)
    assert resumed.code == 0, resumed.err
    table = rows((await centre.type("schedule", "preview", ref, "-n", "8")).out)
    assert table[0].startswith("at reads")
    assert all("UTC (in " in row for row in table[1:])
    assert sum(" what changed runs" in row for row in table) == 7
    assert sum(" everything runs" in row for row in table) == 1

    starts = await centre.type("schedule", "starts", ref)
    assert (starts.code, json.loads((await centre.type("schedule", "starts", ref, "--json")).out)) == (0, [])
    for command in (("why",), ("schedule", "preview"), ("schedule", "starts")):
        assert "There is no integration 'acme/nobody'" in refused(
            await centre.type(*command, "acme/nobody"), 2
        )


async def test_a_reference_that_is_none_is_refused(centre: Centre) -> None:
    said = await centre.type("integrations", "show", "people")

    assert said.code == 2
    assert "TENANT/NAME" in said.err


# Runs


async def test_a_run_that_succeeds(centre: Centre) -> None:
    async def script(attempt: Attempt) -> None:
        await attempt.progress(Stage.READ, 2, 2, read=2)
        await asyncio.sleep(1.5)  # longer than the watcher looks away
        await attempt.finished(read=2, created=1, unchanged=1)

    async with centre.site("good", script) as ref:
        said = await centre.type("run", "now", ref, "--watch", "--reason", "new starters")
        listed, as_json, shown, integrations = await asyncio.gather(
            centre.type("runs", "list", "--integration", "good"),
            centre.type("runs", "list", "--integration", "good", "--json"),
            centre.type("runs", "list", "--integration", "good", "--status", "failed"),
            centre.type("integrations", "list", "--json"),
        )

    assert said.code == 0
    [run] = json.loads(as_json.out)
    assert f"Run {run['id']} of acme/good: succeeded" in said.out
    assert "why operator asked for it: new starters" in rows(said.out)
    assert "users 2 1 0 0 1 0 0" in rows(said.out)
    followed = said.err.splitlines()
    assert f"{run['id']} acme/good: read 2 of 2" in followed
    assert followed[-1] == f"{run['id']} acme/good: succeeded"
    assert rows(listed.out)[0] == "run integration status queued took written failed"
    assert rows(listed.out)[1].startswith(f"{run['id']} acme/good succeeded ")
    assert len(rows(shown.out)) == 1, "none failed"
    [known] = [one for one in json.loads(integrations.out) if one["spec"]["name"] == "good"]
    assert known["last_run"]["id"] == run["id"]


async def test_a_run_that_fails(centre: Centre) -> None:
    async def script(attempt: Attempt) -> None:
        await attempt.finished(RunStatus.FAILED, error=CredentialRefused("The directory refused the reader."))

    async with centre.site("bad", script) as ref:
        said = await centre.type("run", "now", ref, "--watch")

    assert said.code == 1
    assert "The directory refused the reader." in said.out
    assert "Change the setting named, then run it again." in said.out


async def test_records_that_fail_are_shown_with_what_to_do(centre: Centre) -> None:
    async def script(attempt: Attempt) -> None:
        for number in range(22):
            error = AmbiguousMatch(f"2 users in Halo have the address of person {number}.")
            await attempt.failed_record(f"id-{number}", f"Person {number}", error)
        await attempt.finished(RunStatus.PARTIAL, read=22, failed=22)

    async with centre.site("partly", script) as ref:
        run = await centre.run(ref)
        watched = await centre.type("runs", "watch", run)
        everything, as_json = await asyncio.gather(
            centre.type("runs", "show", run[:8], "--all"), centre.type("runs", "show", run, "--json")
        )

    assert watched.code == 1
    assert "What failed (22)" in watched.out
    assert "Person 0 (users id-0)\n  2 users in Halo have the address of person 0.\n" in trimmed(watched.out)
    assert "\n  Correct the record at its source or in Halo; the next run takes it up.\n" in trimmed(
        watched.out
    )
    assert f"... and 2 more; see all with: halo-controller runs show {run} --all" in watched.out
    assert "Person 21 (users id-21)" in everything.out
    assert "more; see all" not in everything.out
    shown = json.loads(as_json.out)
    assert (everything.code, shown["status"], shown["counts"]["users"]["failed"]) == (0, "partial", 22)


async def test_a_held_run_says_what_to_type_and_that_works(centre: Centre) -> None:
    async def script(attempt: Attempt) -> None:
        if attempt.grant.assignment.approved:
            await attempt.finished(retired=212)
        else:
            await attempt.finished(RunStatus.HELD, held_for=(excess(found=212),))

    async with centre.site("careful", script) as ref:
        run = await centre.run(ref)
        held = await centre.type("runs", "watch", run)
        approved = await centre.type(*proposed(held, "approve up to a number"))
        await centre.until(run, "succeeded")
        late = await centre.type("runs", "approve", run)
        other = await centre.run(ref)
        await centre.until(other, "held")
        shown = await centre.type("runs", "show", other)
        rejected = await centre.type(*proposed(shown, "reject it"))

    assert held.code == 1, "nothing was done yet"
    assert (
        "- it would deactivate 212 of 1,200 users in Halo and may deactivate 40 without approval" in held.out
    )
    assert proposed(held, "approve what was found") == ["runs", "approve", run]
    assert (approved.code, approved.out) == (
        0,
        f"Run {run} is approved (retire up to 212 users) and queued again.\n",
    )
    assert refused(late, 1) == f"Run {run} is succeeded, not held; there is nothing to approve."
    assert (rejected.code, rejected.out) == (0, f"Run {other} is rejected; nothing was written.\n")


async def test_cancelling(centre: Centre) -> None:
    async def script(attempt: Attempt) -> None:
        await attempt.cancelled.wait()
        await attempt.finished(RunStatus.CANCELLED)

    async with centre.site("long", script) as ref:
        run = await centre.run(ref)
        await centre.until(run, "running")
        asked = await centre.type("runs", "cancel", run, "--reason", "wrong file")
        await centre.until(run, "cancelled")
    waiting = await centre.run(ref)  # its agent has gone
    at_once = await centre.type("runs", "cancel", waiting)
    again, unknown = await asyncio.gather(
        centre.type("runs", "cancel", waiting), centre.type("runs", "show", "nosuchrun")
    )

    assert (asked.code, asked.out) == (0, f"Agent long was asked to stop run {run}.\n")
    assert (at_once.code, at_once.out) == (0, f"Run {waiting} is cancelled.\n")
    assert "has ended" in refused(again, 1)
    assert refused(unknown, 2).startswith("There is no run 'nosuchrun'.")


# The broker


async def test_topology(centre: Centre) -> None:
    await centre.integrate("rome")

    shown, as_json = await asyncio.gather(centre.type("topology"), centre.type("topology", "--json"))

    assert (shown.code, as_json.code) == (0, 0)
    assert "events topic everything agents say of their runs" in rows(shown.out)
    assert "jobs.rome classic jobs rome jobs for rome 0" in rows(shown.out)
    queues = {queue["name"]: queue for queue in json.loads(as_json.out)["queues"]}
    assert {"requests", "events", "buried", "jobs.rome", "agent.rome"} <= {*queues}
    assert queues["buried"]["depth"] == 0


async def test_events_are_told_without_a_controller(tmp_path: Path, broker_url: str) -> None:
    here = desk(tmp_path, broker_url)
    narrow = ("--tenant", "acme", "--integration", "people", "--level", "warning")
    async with (
        AmqpTransport(broker_url, name="test") as transport,
        here.typing("events", "tail", "--count", "1", "--json", *narrow) as for_machines,
        here.typing("events", "tail", "--count", "2", "--tenant", "acme") as for_people,
    ):
        for tail in (for_machines, for_people):
            await watches(tail)
        await transport.declare(*EXCHANGES, EVENTS_QUEUE)  # as a controller left it
        quiet = logged(Attempted(), "All is well.").model_copy(update={"level": Level.INFO})
        for event in (
            logged(Attempted(tenant="globex"), "It is another tenant's."),
            quiet,
            logged(Attempted(integration="assets"), "It is another integration's."),
            logged(Attempted(), "It is the one."),
        ):
            await publish_event(transport, event)
        machine, person = await asyncio.gather(printed(for_machines), printed(for_people))

    assert (machine.code, json.loads(machine.out)["text"]) == (0, "It is the one.")
    assert person.code == 0
    assert [line.partition("Z ")[2] for line in person.out.splitlines()] == [
        "info    acme/people 0123456789ab All is well.",
        "warning acme/assets 0123456789ab It is another integration's.",
    ]


async def test_a_broker_that_is_away_is_told_soon(tmp_path: Path, closed_port: int) -> None:
    async with asyncio.timeout(20):  # five seconds of patience, and the start of a process on a busy machine
        said = await desk(tmp_path).type(
            "events", "tail", "--broker-url", f"amqp://guest:guest@127.0.0.1:{closed_port}/"
        )

    assert f"127.0.0.1:{closed_port}" in refused(said, 3)
    assert said.err.count("\n") == 1, "one sentence, and not a line for every attempt"
    assert "guest:guest" not in said.err


async def watches(tail: asyncio.subprocess.Process) -> None:
    """Return when the command says that it watches: its queue is bound then."""
    assert tail.stderr is not None
    async with asyncio.timeout(20):
        assert (await tail.stderr.readline()).startswith(b"Watching ")


def proposed(said: Printed, choice: str) -> list[str]:
    """The arguments of the command that the report of a held run names for this choice."""
    lines = rows(said.out)
    return lines[lines.index(choice) + 1].partition("halo-controller ")[2].split()


def trimmed(text: str) -> str:
    """The text without the spaces that fill its lines."""
    return "\n".join(line.rstrip() for line in text.splitlines())


async def test_a_token_lets_in_as_its_role_until_it_is_revoked(centre: Centre) -> None:
    given = await centre.type(
        "tokens", "add", "wall", "--role", "reader", "--tenant", "acme", "--expires", "90d"
    )
    token = ("--token", given.out.strip())
    assert "lets in as a reader of acme and ends" in given.err

    seen = await centre.type("tenants", "list", *token)
    assert seen.out.splitlines()[1].startswith("acme")
    refusal = refused(await centre.type("groups", "add", "mine", *token), 3)
    assert "This is token 'wall', a reader of acme, and may not add groups. Only an operator may." in refusal
    listed = (await centre.type("tokens", "list")).out
    assert [line.split()[:3] for line in listed.splitlines() if line.startswith("wall")] == [
        ["wall", "reader", "acme"]
    ]
    assert token[1] not in listed

    await centre.type("tokens", "revoke", "wall")
    assert "not known here" in refused(await centre.type("tenants", "list", *token), 3)


async def test_the_audit_log_says_what_changed(centre: Centre) -> None:
    ref = await centre.integrate("audited")
    await centre.type("integrations", "pause", ref, "--reason", "the tool is moved")

    listed = (await centre.type("audit", "--tenant", "acme", "--name", ref)).out.splitlines()
    newest = listed[1]
    assert "pause integrations" in newest
    assert ref in newest
    assert "pause" in newest.split(ref)[1]
    assert len(listed) == 4  # and it was created and enabled
    shown = (await centre.type("audit", "show", newest.split()[0])).out
    assert "integrations.pause" in shown
    assert "the tool is moved" in shown
    as_json = json.loads((await centre.type("audit", "--noun", "integration", "--since", "1h", "--json")).out)
    assert {entry["noun"] for entry in as_json} == {"integration"}
    assert all(entry["who"] == "operator" for entry in as_json)
