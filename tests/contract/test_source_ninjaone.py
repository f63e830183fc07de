"""The ninjaone source keeps what every source must."""

import copy
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from halo_agent.connectors import CheckedSource
from halo_sandbox.services.certificates import Certificates
from halo_shared.entities import EntityKind
from tests.contract.source import Snapshot, SourceContract
from tests.support.ninja import populate, source
from tests.support.ninjaone.server import Ninja, ninja

DEVICES = 250


@pytest.fixture
async def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ninja]:
    certificates = Certificates.fresh(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    async with ninja(certificates) as running:
        running.gives = 100
        estate = populate(running, devices=DEVICES)
        for device in estate.devices:
            estate.install(device, ("Office", "16"))
        yield running


class TestNinjaOneSource(SourceContract):
    @pytest.fixture
    def kind(self) -> EntityKind:
        return EntityKind.ASSETS

    @pytest.fixture
    async def source(self, instance: Ninja) -> AsyncIterator[CheckedSource]:
        async with source(instance, software=True) as opened:
            yield opened

    @pytest.fixture
    def expected_ids(self, instance: Ninja) -> set[str]:
        return {str(id_) for id_ in instance.estate.devices}

    @pytest.fixture
    def snapshot(self, instance: Ninja) -> Snapshot:
        async def held() -> object:
            return copy.deepcopy(instance.estate)

        return held
