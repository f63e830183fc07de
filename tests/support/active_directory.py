"""Settings and sources for the private domain, and what the domain says by another way."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from halo_agent.connectors import CheckedSource
from halo_agent.connectors.active_directory import CONNECTOR
from halo_agent.connectors.active_directory.settings import ActiveDirectorySettings
from halo_agent.directories import filters
from halo_sandbox.services.domain_controller import PrivateDomain
from halo_shared.redaction import Redactor
from halo_shared.secrets import LocalSecrets


def settings_of(domain: PrivateDomain, /, **changes: Any) -> ActiveDirectorySettings:
    """Settings that read this domain by its controller's address, but for these changes."""
    given = {
        "domain": domain.realm.lower(),
        "controllers": [domain.address],
        "ca_file": domain.ca_file,
        "account": domain.reader,
        "password": "secret://directory",
    }
    return ActiveDirectorySettings.model_validate(
        {name: value for name, value in (given | changes).items() if value is not None}
    )


@asynccontextmanager
async def opened_source(
    domain: PrivateDomain, settings: ActiveDirectorySettings, *, password: str | None = None
) -> AsyncIterator[CheckedSource]:
    """A source with these settings; `password` takes the place of the right one."""
    variables = {"HALO_SECRET_DIRECTORY": password or domain.password}
    secrets = LocalSecrets(Path("/nonexistent"), variables, Redactor())
    async with CONNECTOR.open(settings, secrets) as source:
        yield source


def guids(domain: PrivateDomain, pattern: str) -> set[str]:
    """The GUIDs of what matches, as the administrator's own tool finds them."""
    return set(re.findall(r"^objectGUID: (\S+)", domain.search(pattern, "objectGUID"), re.MULTILINE))


def guid_of(domain: PrivateDomain, dn: str) -> str:
    """The GUID of one object."""
    (found,) = guids(domain, f"(distinguishedName={filters.escaped(dn)})")
    return found
