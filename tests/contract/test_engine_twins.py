"""The source and the Halo that the engine's tests use keep the contracts of the real ones."""

import pytest

from halo_agent.engine.records import Desired
from tests.contract.source import Snapshot as SourceSnapshot
from tests.contract.source import SourceContract
from tests.contract.target import Snapshot as TargetSnapshot
from tests.contract.target import TargetContract
from tests.support.engine import MemoryHalo, MemorySource, held, person, wish_for

OTHERS = 250


class TestMemorySource(SourceContract):
    @pytest.fixture
    def source(self) -> MemorySource:
        return MemorySource(person(f"p-{number}") for number in range(OTHERS))

    @pytest.fixture
    def expected_ids(self) -> set[str]:
        return {f"p-{number}" for number in range(OTHERS)}

    @pytest.fixture
    def snapshot(self, source: MemorySource) -> SourceSnapshot:
        async def items() -> object:
            return source.items

        return items


class TestMemoryHalo(TargetContract):
    @pytest.fixture
    def target(self) -> MemoryHalo:
        others = [held(number, azureoid=f"p-{number}") for number in range(1, OTHERS)]
        anna = held(1001, azureoid="A-1", emailaddress="anna@acme.example")
        rolf = held(1002, active=False, azureoid="R-1", emailaddress="rolf@acme.example")
        return MemoryHalo([*others, anna, rolf])

    @pytest.fixture
    def present(self) -> tuple[int, Desired]:
        return 1001, wish_for("A-1", always={"emailaddress": "anna@acme.example"})

    @pytest.fixture
    def retired(self) -> tuple[int, Desired]:
        return 1002, wish_for("R-1", always={"emailaddress": "rolf@acme.example"})

    @pytest.fixture
    def absent(self) -> Desired:
        return wish_for("N-1", always={"emailaddress": "nora@acme.example"})

    @pytest.fixture
    def match(self) -> tuple[str, ...]:
        return ("emailaddress",)

    @pytest.fixture
    def snapshot(self, target: MemoryHalo) -> TargetSnapshot:
        async def records() -> object:
            return dict(target.records)

        return records
