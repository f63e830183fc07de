"""The Halo target keeps the contract, for users and for assets."""

from collections.abc import AsyncIterator

import pytest

from halo_agent.engine.records import Desired
from halo_agent.targets.halo import HaloTarget
from halo_sandbox.server import Sandbox, running
from tests.contract.target import Snapshot, TargetContract, create, create_retired
from tests.unit.agent.targets.support import Levers, halo, levers, machine, person

OTHERS = 105


class HaloContract(TargetContract):
    """The contract on a sandbox that holds more than a page of other records."""

    @pytest.fixture
    async def sandbox(self) -> AsyncIterator[Sandbox]:
        async with running() as sandbox:
            yield sandbox

    @pytest.fixture
    async def hands(self, sandbox: Sandbox) -> AsyncIterator[Levers]:
        async with levers(sandbox) as hands:
            yield hands

    @pytest.fixture
    async def target(self, sandbox: Sandbox, others: None) -> AsyncIterator[HaloTarget]:
        async with halo(sandbox) as target:
            yield target


class TestUsers(HaloContract):
    @pytest.fixture
    async def others(self, hands: Levers) -> None:
        (site,) = await hands.held("Site")
        await hands.plant("Users", [{"site_id": site["id"], "name": f"Other {n}"} for n in range(OTHERS)])

    @pytest.fixture
    async def present(self, target: HaloTarget) -> tuple[int, Desired]:
        wish = person("a-1", emailaddress="anna@acme.example")
        return await create(target, wish), wish

    @pytest.fixture
    async def retired(self, target: HaloTarget) -> tuple[int, Desired]:
        wish = person("r-1", name="Rolf Ek", emailaddress="rolf@acme.example")
        return await create_retired(target, wish), wish

    @pytest.fixture
    def absent(self) -> Desired:
        return person("n-1", name="Nora Ny", emailaddress="nora@acme.example")

    @pytest.fixture
    def match(self) -> tuple[str, ...]:
        return ("emailaddress",)

    @pytest.fixture
    def snapshot(self, hands: Levers) -> Snapshot:
        return lambda: hands.held("Users")


class TestAssets(HaloContract):
    @pytest.fixture
    async def others(self, hands: Levers) -> None:
        (site,), types = await hands.held("Site"), await hands.held("AssetType")
        at = {"site_id": site["id"], "assettype_id": types[-1]["id"]}
        await hands.plant("Asset", [{**at, "inventory_number": f"OTHER-{n}"} for n in range(OTHERS)])

    @pytest.fixture
    async def present(self, target: HaloTarget) -> tuple[int, Desired]:
        wish = machine("7", "PC-7", always={"fields.Serial Number": "S7"})
        return await create(target, wish), wish

    @pytest.fixture
    async def retired(self, target: HaloTarget) -> tuple[int, Desired]:
        wish = machine("8", "PC-8", always={"fields.Serial Number": "S8"})
        return await create_retired(target, wish), wish

    @pytest.fixture
    def absent(self) -> Desired:
        return machine("9", "PC-9", always={"fields.Serial Number": "S9"})

    @pytest.fixture(params=["inventory_number", "fields.Serial Number"])
    def match(self, request: pytest.FixtureRequest) -> tuple[str, ...]:
        return (request.param,)

    @pytest.fixture
    def snapshot(self, hands: Levers) -> Snapshot:
        return lambda: hands.held("Asset")
