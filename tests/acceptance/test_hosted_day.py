"""A day at a host of integrations: three tenants, two hosted agents and one on a LAN, told as its people see it."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
import yaml

from halo_sandbox.demo import files
from halo_sandbox.server import running
from halo_sandbox.services.certificates import Certificates
from halo_sandbox.services.people import people
from halo_sandbox.settings import SandboxSettings
from tests.support.builders import NOW
from tests.support.host import SECRETS, Host, a_host, agents

pytestmark = pytest.mark.timeout(600)

LONDON, NEW_YORK = ZoneInfo("Europe/London"), ZoneInfo("America/New_York")
DAY: Final = timedelta(days=1)
Json = Any  # what the controller answered


@pytest.fixture
async def host(broker_url: str, tmp_path: Path) -> AsyncIterator[Host]:
    """Acme in London and globex in New York in Halo's cloud, initech on its own premises; nothing enabled yet."""
    certificates = Certificates.fresh(tmp_path)
    async with (
        a_host(broker_url, tmp_path, certificates) as host,
        running() as acme,
        running() as globex,
        running(SandboxSettings(tenant=None)) as initech,
    ):
        for group in ("hosted", "lan"):
            await host.post("/groups", {"name": group}, status=201)
        for agent, group in (("cloud-1", "hosted"), ("cloud-2", "hosted"), ("lan-1", "lan")):
            await host.post("/agents", {"name": agent, "group": group}, status=201)
        of_tenants = {
            f"{tenant}.{name}": value for tenant in ("acme", "globex") for name, value in SECRETS.items()
        }
        secrets = {"cloud-1": of_tenants, "cloud-2": of_tenants, "lan-1": {"halo": SECRETS["halo"]}}
        async with agents(host, broker_url, certificates, secrets):
            for name, sandbox, said in (
                ("acme", acme, {"zone": LONDON.key}),
                ("globex", globex, {"zone": NEW_YORK.key}),
                ("initech", initech, {"kind": "on_premise"}),
            ):
                added = await host.typed("tenants", "add", str(host.tenant(name, sandbox, **said)))
                assert f"Tenant '{name}' added." in added
                assert "Its Halo, tried by agent" in added
                assert "✗" not in added
            yield host


async def administrator(host: Host, tenant: str) -> str:
    """The token of somebody who looks after one tenant."""
    body = {"name": f"{tenant}-admin", "role": "administrator", "tenants": [tenant]}
    return str((await host.post("/tokens", body, status=201))["token"])


async def enable(host: Host, tenant: str, token: str) -> str:
    """Enable the hosted integrator for a tenant's Entra directory, as its administrator; what the command says."""
    file = str(host.choice(tenant))
    return await host.typed(
        *("integrations", "enable", "entra-id", "--tenant", tenant, "--entities", "users", "--file", file),
        token=token,
    )


async def on_the_lan(host: Host, tenant: str) -> None:
    """People in a spreadsheet that only the agent on the LAN can read, every six hours."""
    table = host.folder / f"{tenant}.xlsx"
    files.write_people(table, people(5))
    content = dict(files.people_from_spreadsheet(table)) | {"schedule": {"every": "6h"}, "group": "lan"}
    file = files.write(host.folder, f"{tenant}-people", content)
    await host.typed("integrations", "create", tenant, str(file))
    await host.typed("integrations", "enable", f"{tenant}/people")


def runs_of(log: Json, integration: str) -> list[Json]:
    return [row for row in log if f"{row['tenant']}/{row['integration']}" == integration]


def begun(row: Json, zone: ZoneInfo) -> time:
    return datetime.fromisoformat(row["began_at"]).astimezone(zone).time()


def out_of_hours(moment: time) -> bool:
    return moment >= time(20) or moment < time(6)


async def test_a_day_at_a_host(host: Host) -> None:
    acme, globex = await administrator(host, "acme"), await administrator(host, "globex")
    await the_tenants_choose(host, acme, globex)
    await a_day_passes(host)
    await support_gives_one_another_hour(host, acme)
    await a_noisy_tenant_delays_nobody(host)
    await the_pages_as_their_administrators_read_them(host, acme, globex)


async def the_tenants_choose(host: Host, acme: str, globex: str) -> None:
    await host.typed("hosted", "change", "--every", "4h")
    said = await enable(host, "acme", acme)
    assert "a large sync runs out of hours (20:00 to 06:00, Europe/London): it is not measured yet" in said
    await enable(host, "globex", globex)
    await on_the_lan(host, "globex")
    await on_the_lan(host, "initech")

    refused = await host.type(
        "integrations", "enable", "entra-id", "--tenant", "initech", "--file", str(host.choice("initech"))
    )
    assert refused.code == 2
    assert "the Halo of initech is on its own premises" in refused.err


async def a_day_passes(host: Host) -> None:
    await host.pass_until(NOW + DAY)

    log = await host.get("/integrator/log", limit=200)
    assert {row["status"] for row in log} == {"succeeded"}
    for tenant, zone in (("acme", LONDON), ("globex", NEW_YORK)):
        *later, first = runs_of(log, f"{tenant}/entra-id")
        assert first["integrator"] == "hosted"
        assert out_of_hours(begun(first, zone)), "what is not measured starts out of hours"
        assert later, "what is small runs through the day"
    for tenant in ("globex", "initech"):
        assert len(runs_of(log, f"{tenant}/people")) in (4, 5), "at once, and then every six hours of a day"
    assert {address.split("@")[1] for address in await host.held("acme")} == {"acme.example"}
    schedule = {
        f"{row['tenant']}/{row['integration']}": row for row in await host.get("/integrator/schedule")
    }
    assert {name: row["size"] for name, row in schedule.items()} == {
        "acme/entra-id": "small",
        "globex/entra-id": "small",
    }


async def support_gives_one_another_hour(host: Host, acme: str) -> None:
    wish = ("hosted", "override", "acme/entra-id", "--cron", "30 13 * * *", "--reason")
    refused = await host.type(*wish, "we want it so", token=acme)
    assert refused.code != 0
    assert "may not set times" in refused.err

    said = await host.typed(*wish, "their people are moved at noon")
    assert "their people are moved at noon" in said

    await host.pass_until(NOW + DAY + timedelta(hours=2))

    latest = (await host.get("/integrator/log", tenant="acme", limit=1))[0]
    assert begun(latest, LONDON).replace(second=0, microsecond=0) == time(13, 30)
    assert "set by hand" in await host.typed("integrator", "schedule", "--tenant", "acme")
    await host.typed("hosted", "restore", "acme/entra-id")
    assert "set by hand" not in await host.typed("integrator", "schedule", "--tenant", "acme")


async def a_noisy_tenant_delays_nobody(host: Host) -> None:
    names = [f"entra-{number}" for number in range(8)]
    for name in names:
        choice = yaml.safe_load(host.choice("globex").read_text()) | {
            "connector": "entra-id",
            "entities": ["users"],
        }
        await host.put(f"/tenants/globex/hosted/{name}", choice)
    await host.slow("globex", 0.4)

    loud = [(await host.post(f"/tenants/globex/integrations/{name}/run", status=202))["id"] for name in names]
    calm = (await host.post("/tenants/acme/integrations/entra-id/run", status=202))["id"]
    await host.idle()

    noisy = [await host.get(f"/runs/{run}") for run in loud]
    quiet = await host.get(f"/runs/{calm}")
    assert {run["status"] for run in [*noisy, quiet]} == {"succeeded"}
    assert quiet["started_at"] < sorted(run["started_at"] for run in noisy)[4], (
        "it did not wait for the noise"
    )
    assert most_at_once(noisy) <= 2


async def the_pages_as_their_administrators_read_them(host: Host, acme: str, globex: str) -> None:
    active = await host.typed("integrator", "active", token=globex)
    everything = await host.typed("integrator", "active", "--all", token=globex)
    schedule = await host.typed("integrator", "schedule", token=acme)
    log = json.loads(await host.typed("integrator", "log", "--json", token=acme))

    assert "globex/entra-id" in active
    assert "globex/people" not in active
    assert "globex/people" in everything
    assert "a small sync runs every 4h" in schedule
    assert "acme" not in active + everything
    assert "globex" not in schedule
    assert {row["tenant"] for row in log} == {"acme"}
    story = await host.typed("log", "story", log[0]["run"], token=acme)
    assert "Stages" in story
    of_globex = (await host.get("/integrator/log", tenant="globex", limit=1))[0]["run"]
    hidden = await host.type("log", "story", of_globex, token=acme)
    assert hidden.code == 2
    assert f"There is no run '{of_globex}'." in hidden.err
    changes = (await host.ask("GET", "/audit", token=acme)).json()
    assert {change["who"] for change in changes} == {"acme-admin", "operator"}


def most_at_once(runs: list[Json]) -> int:
    """How many of them an agent worked on together at the most."""
    moments = [(run["started_at"], 1) for run in runs] + [(run["ended_at"], -1) for run in runs]
    now = most = 0
    for _, change in sorted(moments):
        now += change
        most = max(most, now)
    return most
