"""A whole estate of NinjaOne in Halo, by the engine, with the connector's own mapping and nothing else."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from halo_agent.connectors.ninjaone import CONNECTOR
from halo_agent.connectors.ninjaone import source as sources
from halo_agent.engine.records import Value
from halo_agent.engine.sync import Outcome, sync
from halo_sandbox.server import Sandbox, running
from halo_sandbox.services.certificates import Certificates
from halo_shared.entities import EntityKind
from halo_shared.errors import SourceUnavailable
from halo_shared.limits import Limits
from halo_shared.mapping import EntityMapping
from halo_shared.messages.commands import Assignment
from halo_shared.runs import Mode, RunStatus
from tests.support.builders import REF, integration_spec, tenant_spec
from tests.support.engine import MemorySource, World, open_world
from tests.support.ninja import populate, source
from tests.support.ninjaone.estate import Estate
from tests.support.ninjaone.server import Ninja, ninja
from tests.support.sources import HurriedClock
from tests.unit.agent.targets.support import Levers, halo, levers

CLIENTS, SITES, _, _, ASSETS = EntityKind
ALL = (CLIENTS, SITES, ASSETS)
_FREE = {"count": 10_000, "percent": 100}


@dataclass(slots=True)
class InStep:
    """One instance, one Halo, and what an agent remembers between runs."""

    instance: Ninja
    sandbox: Sandbox
    hands: Levers
    world: World

    async def run(
        self, *entities: EntityKind, mapping: dict[EntityKind, EntityMapping] | None = None, **settings: Any
    ) -> Outcome:
        """The next run, over these kinds or all."""
        integration = CONNECTOR.completed(
            integration_spec().model_copy(
                update={
                    "connector": "ninjaone",
                    "entities": entities or ALL,
                    "mapping": mapping or {},
                    "limits": Limits.model_validate(
                        {"entities": {kind: {"retire": _FREE, "update": _FREE} for kind in ALL}}
                    ),
                }
            )
        )
        assigned = Assignment(
            tenant=REF.tenant, halo=tenant_spec().halo, integration=integration, mode=Mode.FULL
        )
        async with source(self.instance, **settings) as opened, halo(self.sandbox) as target:
            attempt = self.world.attempt(MemorySource(()), assigned)
            return await sync(replace(attempt, source=opened, target=target))

    async def assets(self) -> dict[str, dict[str, Any]]:
        """What Halo holds as assets, by inventory number."""
        return {row["inventory_number"]: row for row in await self.hands.held("Asset")}

    async def users(self, asset: int) -> Value:
        """The ids of those who use an asset."""
        async with halo(self.sandbox) as target:
            (record,) = [one async for one in target.fetch(ASSETS, [asset])]
        return record.fields["users"]

    async def software(self, asset: int) -> list[str]:
        """The programs that Halo shows at an asset."""
        rows = await self.hands.held("AssetSoftware")
        return sorted(f"{row['name']} {row['version']}" for row in rows if row["did"] == asset)


@pytest.fixture
async def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[InStep]:
    certificates = Certificates.fresh(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    monkeypatch.setattr(sources, "SystemClock", HurriedClock)
    async with (
        ninja(certificates) as instance,
        running() as sandbox,
        levers(sandbox) as hands,
        open_world(tmp_path / "links.db") as world,
    ):
        yield InStep(instance, sandbox, hands, world)


@pytest.fixture
def estate(step: InStep) -> Estate:
    """Six devices at three locations of Acme, which Halo has, and of Globex, which it has not."""
    estate = populate(step.instance)
    estate.device(3, nodeClass="WINDOWS_SERVER", displayName="SRV-3")
    estate.install(1, ("Office", "16.0"), ("7-Zip", "24.08"))
    estate.logon(1, "ACME\\anna")
    return estate


SUCCEEDED = Outcome(RunStatus.SUCCEEDED)


async def test_settings_alone_bring_an_estate_into_halo_and_a_second_run_changes_nothing(
    step: InStep, estate: Estate
) -> None:
    (main,) = await step.hands.held("Site")
    await step.hands.plant("Users", [{"name": "Anna", "login": "acme\\anna", "site_id": main["id"]}])
    (anna,) = await step.hands.held("Users")

    assert await step.run(software=True) == SUCCEEDED, step.world.heard.records

    clients = {row["name"]: row["ninjarmmid"] for row in await step.hands.held("Client")}
    sites = {
        (row["client_name"], row["name"]): row.get("ninjarmmid") for row in await step.hands.held("Site")
    }
    assert clients == {"Acme": 1, "Globex": 2}
    assert {place: id_ for place, id_ in sites.items() if id_} == {
        ("Acme", "Main Office"): 11,
        ("Acme", "Harbour"): 12,
        ("Globex", "Main Office"): 21,
    }
    assets = await step.assets()
    laptop, server = assets["S000001"], assets["S000003"]
    assert (laptop["ninjarmm_id"], laptop["client_name"], laptop["site_name"]) == (1, "Acme", "Harbour")
    assert laptop["ninja_url"].endswith("/#/deviceDashboard/1/overview")
    assert (laptop["assettype_name"], server["assettype_name"]) == ("Workstation", "Server")
    assert await step.software(laptop["id"]) == ["7-Zip 24.08", "Office 16.0"]
    assert await step.users(laptop["id"]) == (str(anna["id"]),)

    await step.hands.forget()
    assert await step.run(software=True) == SUCCEEDED
    assert await step.hands.counts() == {}


async def test_a_device_follows_to_another_organization_and_one_that_is_removed_is_retired(
    step: InStep, estate: Estate
) -> None:
    await step.run()
    estate.device(1, organizationId=2, locationId=21)
    estate.remove(2)

    assert await step.run() == SUCCEEDED, step.world.heard.records

    assets = await step.assets()
    assert (assets["S000001"]["client_name"], assets["S000001"]["site_name"]) == ("Globex", "Main Office")
    assert [serial for serial, row in assets.items() if row["inactive"]] == ["S000002"]


async def test_a_client_whose_organization_is_gone_stays_in_use_without_its_devices(
    step: InStep, estate: Estate
) -> None:
    await step.run()
    for device in (2, 5):
        estate.remove(device)
    del estate.organizations[2], estate.locations[21]

    assert await step.run() == SUCCEEDED, step.world.heard.records

    assert [row["name"] for row in await step.hands.held("Client") if row["inactive"]] == []
    assert [serial for serial, row in (await step.assets()).items() if row["inactive"]] == [
        *("S000002", "S000005")
    ]


async def test_a_token_that_ends_and_a_call_for_patience_on_the_way_lose_nothing(
    step: InStep, estate: Estate
) -> None:
    step.instance.gives = 2
    step.instance.troubles = {3: "expire", 6: "throttle", 9: "expire", 11: "throttle", 13: "break"}

    assert await step.run() == SUCCEEDED, step.world.heard.records

    assert step.instance.troubles == {}
    assert len(await step.assets()) == 6


async def test_a_page_that_breaks_off_retires_nobody(step: InStep, estate: Estate) -> None:
    await step.run()
    step.instance.requests.clear()
    estate.remove(6)
    step.instance.gives = 2
    step.instance.breaks_for_good = True
    step.instance.troubles = {4: "break"}

    with pytest.raises(SourceUnavailable):
        await step.run(ASSETS, last_user={"link": False})

    assert [row for row in (await step.assets()).values() if row["inactive"]] == []


async def test_assets_alone_go_where_halo_has_places_of_that_name(step: InStep, estate: Estate) -> None:
    (acme,) = await step.hands.held("Client")
    await step.hands.plant("Site", [{"name": "Harbour", "client_id": acme["id"]}])

    outcome = await step.run(ASSETS, organizations={"include": ["Acme"]}, last_user={"link": False})

    assert outcome == SUCCEEDED, step.world.heard.records
    sites = {serial: row["site_name"] for serial, row in (await step.assets()).items()}
    assert sites == {"S000001": "Harbour", "S000004": "Harbour", "S000003": "Main", "S000006": "Main"}


async def test_stock_that_halo_has_is_adopted_by_its_serial_number(step: InStep, estate: Estate) -> None:
    (main,) = await step.hands.held("Site")
    (workstation, *_rest) = await step.hands.held("AssetType")
    await step.hands.plant(
        "Asset",
        [{"inventory_number": "s000001", "assettype_id": workstation["id"], "site_id": main["id"]}],
    )

    assert await step.run() == SUCCEEDED, step.world.heard.records

    ours = [row for row in await step.hands.held("Asset") if row["ninjarmm_id"] == 1]
    assert len(await step.hands.held("Asset")) == 6
    assert [row["site_name"] for row in ours] == ["Harbour"]
