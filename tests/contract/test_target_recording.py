"""The recording target keeps the contract, and writes nothing while it does."""

from collections.abc import AsyncIterator

import pytest

from halo_agent.engine.changes import Create, Retire, Update
from halo_agent.engine.records import Desired
from halo_agent.targets.recording import RecordingTarget
from halo_sandbox.server import Sandbox, running
from tests.contract.target import Snapshot, TargetContract, one
from tests.contract.test_target_halo import create, create_retired
from tests.unit.agent.targets.support import halo, levers, person, retire, update

ANNA = person("a-1", emailaddress="anna@acme.example")
ROLF = person("r-1", name="Rolf Ek", emailaddress="rolf@acme.example")


class TestRecording(TargetContract):
    @pytest.fixture
    async def sandbox(self) -> AsyncIterator[Sandbox]:
        async with running() as sandbox:
            yield sandbox

    @pytest.fixture
    async def ids(self, sandbox: Sandbox) -> tuple[int, int]:
        async with halo(sandbox) as real:
            return await create(real, ANNA), await create_retired(real, ROLF)

    @pytest.fixture
    async def target(self, sandbox: Sandbox) -> AsyncIterator[RecordingTarget]:
        async with halo(sandbox) as real:
            yield RecordingTarget(real)

    @pytest.fixture
    def present(self, ids: tuple[int, int]) -> tuple[int, Desired]:
        return ids[0], ANNA

    @pytest.fixture
    def retired(self, ids: tuple[int, int]) -> tuple[int, Desired]:
        return ids[1], ROLF

    @pytest.fixture
    def absent(self) -> Desired:
        return person("n-1", name="Nora Ny", emailaddress="nora@acme.example")

    @pytest.fixture
    def match(self) -> tuple[str, ...]:
        return ("emailaddress",)

    @pytest.fixture
    async def snapshot(self, sandbox: Sandbox) -> AsyncIterator[Snapshot]:
        async with levers(sandbox) as hands:
            yield lambda: hands.held("Users")

    async def test_changes_are_remembered_in_order_and_nothing_is_written(
        self, target: RecordingTarget, present: tuple[int, Desired], absent: Desired, snapshot: Snapshot
    ) -> None:
        id_, wish = present
        before = await snapshot()
        changes: list[Create | Update | Retire] = [
            Create(absent, reason="not in Halo yet"),
            update(wish, await one(target, wish.kind, id_), title="Head"),
            retire(wish, id_),
        ]

        applied = [await target.apply(change) for change in changes]

        assert target.changes == tuple(changes)
        assert applied[0].halo_id < 0
        assert await snapshot() == before
