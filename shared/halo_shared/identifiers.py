"""Names that travel: what may stand in a routing key, a queue name and a URL."""

import re
import secrets
from typing import Annotated, Final, NamedTuple, Self

from pydantic import StringConstraints

SLUG: Final = r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$"

Slug = Annotated[str, StringConstraints(pattern=SLUG)]
"""Lower-case letters, digits and inner hyphens, 1 to 40: safe in a routing key, where a dot separates."""

TenantId = Slug
AgentId = Slug
GroupId = Slug
IntegrationName = Slug
RunId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]
"""Twelve hexadecimal digits: short enough to say on the telephone, checked for uniqueness by the store."""


class IntegrationRef(NamedTuple):
    """One integration of one tenant, written `tenant/integration` wherever people type it."""

    tenant: str
    name: str

    def __str__(self) -> str:
        return f"{self.tenant}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `tenant/integration`; raises ValueError with the form that is wanted."""
        tenant, slash, name = text.partition("/")
        if not (slash and re.fullmatch(SLUG, tenant) and re.fullmatch(SLUG, name)):
            raise ValueError(f"'{text}' is not an integration: write tenant/integration, as in acme/people")
        return cls(tenant, name)


def new_run_id() -> str:
    """A fresh RunId."""
    return secrets.token_hex(6)
