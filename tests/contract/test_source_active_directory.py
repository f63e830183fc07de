"""The source contract over a real domain controller."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from halo_agent.connectors import CheckedSource
from halo_sandbox.services.domain_controller import PrivateDomain
from halo_shared.entities import EntityKind
from tests.contract.source import Snapshot, SourceContract
from tests.support.active_directory import guids, opened_source, settings_of

# What a controller itself writes down whenever somebody signs in.
SIGN_INS = re.compile(
    r"^(lastLogon|lastLogonTimestamp|logonCount|badPwdCount|badPasswordTime): .*$", re.MULTILINE
)


def everything(domain: PrivateDomain) -> str:
    return SIGN_INS.sub("", domain.search("(objectClass=*)", "*"))


class TestUsers(SourceContract):
    """300 people in pages of 100."""

    @pytest.fixture
    async def source(self, domain: PrivateDomain) -> AsyncIterator[CheckedSource]:
        async with opened_source(domain, settings_of(domain, page_size=100)) as source:
            yield source

    @pytest.fixture
    def expected_ids(self, domain: PrivateDomain) -> set[str]:
        return guids(domain, "(&(objectCategory=person)(objectClass=user)(!(isCriticalSystemObject=TRUE)))")

    @pytest.fixture
    def snapshot(self, domain: PrivateDomain) -> Snapshot:
        return lambda: asyncio.to_thread(everything, domain)


class TestComputers(TestUsers):
    """30 computers in pages of 7."""

    @pytest.fixture
    def kind(self) -> EntityKind:
        return EntityKind.ASSETS

    @pytest.fixture
    async def source(self, domain: PrivateDomain) -> AsyncIterator[CheckedSource]:
        async with opened_source(domain, settings_of(domain, page_size=7)) as source:
            yield source

    @pytest.fixture
    def expected_ids(self, domain: PrivateDomain) -> set[str]:
        return guids(domain, "(objectCategory=computer)")
