"""The entra-id source keeps what every source must."""

import copy
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from halo_agent.connectors import CheckedSource
from halo_sandbox.services.certificates import Certificates
from tests.contract.source import Snapshot, SourceContract
from tests.support.entra import populate, source
from tests.support.graph.directory import GraphDirectory
from tests.support.graph.server import Graph, graph

PEOPLE = 1_200


@pytest.fixture
async def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Graph]:
    certificates = Certificates.fresh(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    async with graph(certificates) as running:
        yield running


@pytest.fixture
def contoso(cloud: Graph) -> GraphDirectory:
    return populate(cloud, people=PEOPLE)


class TestEntraIdSource(SourceContract):
    @pytest.fixture
    async def source(self, cloud: Graph, contoso: GraphDirectory) -> AsyncIterator[CheckedSource]:
        async with source(cloud) as opened:
            yield opened

    @pytest.fixture
    def expected_ids(self, contoso: GraphDirectory) -> set[str]:
        return set(contoso.collections["users"])

    @pytest.fixture
    def snapshot(self, contoso: GraphDirectory) -> Snapshot:
        async def held() -> object:
            return copy.deepcopy(contoso.collections)

        return held
