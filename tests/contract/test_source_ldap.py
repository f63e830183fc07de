"""The source contract over a real directory."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from halo_agent.connectors import CheckedSource
from halo_sandbox.services.directory import PrivateDirectory
from tests.contract.source import Snapshot, SourceContract
from tests.support.ldap import dump, opened_source, settings_of


class TestLdapSource(SourceContract):
    """1,200 people in pages of 500."""

    @pytest.fixture
    async def source(self, directory: PrivateDirectory) -> AsyncIterator[CheckedSource]:
        async with opened_source(directory, settings_of(directory)) as source:
            yield source

    @pytest.fixture
    def expected_ids(self, directory: PrivateDirectory) -> set[str]:
        people = dump(directory, "(objectClass=inetOrgPerson)", "entryUUID")
        return set(re.findall(r"^entryUUID: (\S+)$", people, re.MULTILINE))

    @pytest.fixture
    def snapshot(self, directory: PrivateDirectory) -> Snapshot:
        return lambda: asyncio.to_thread(dump, directory, "(objectClass=*)", "*", "+")
