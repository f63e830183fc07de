"""Settings and sources for the private directory, and what the directory says by another way."""

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from halo_agent.connectors import CheckedSource
from halo_agent.connectors.ldap import CONNECTOR
from halo_agent.connectors.ldap.settings import LdapSettings
from halo_sandbox.services.directory import ADMIN, PrivateDirectory
from halo_shared.redaction import Redactor
from halo_shared.secrets import LocalSecrets


def settings_of(directory: PrivateDirectory, **changes: Any) -> LdapSettings:
    """Settings that read this directory's people, but for these changes."""
    return LdapSettings.model_validate(
        {
            "url": directory.ldaps_url,
            "ca_file": directory.ca_file,
            "bind_dn": directory.bind_dn,
            "password": "secret://directory",
            "base": directory.base,
            "disabled": {"attribute": "employeeType", "values": ["disabled"]},
        }
        | changes
    )


@asynccontextmanager
async def opened_source(
    directory: PrivateDirectory, settings: LdapSettings, *, password: str | None = None
) -> AsyncIterator[CheckedSource]:
    """A source with these settings; `password` takes the place of the right one."""
    variables = {"HALO_SECRET_DIRECTORY": password or directory.password}
    secrets = LocalSecrets(Path("/nonexistent"), variables, Redactor())
    async with CONNECTOR.open(settings, secrets) as source:
        yield source


def dump(directory: PrivateDirectory, pattern: str, *attributes: str) -> str:
    """What the administrator's own tool finds, as LDIF."""
    return subprocess.run(
        ["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-E", "pr=500/noprompt", "-H", directory.url,
         "-D", ADMIN, "-y", str(directory.folder / "admin"), "-b", directory.base, pattern, *attributes],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
