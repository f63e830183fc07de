"""A whole directory through the connector, against the bare loop of the library it stands on."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import bonsai

from bench.child import Work, memory, race, speed
from bench.reading import reading
from bench.rounds import Comparison
from halo_agent.connectors.ldap import CONNECTOR
from halo_agent.connectors.ldap.records import attributes_of
from halo_agent.connectors.ldap.settings import LdapSettings
from halo_sandbox.services.directory import private_directory
from halo_sandbox.services.people import people

PEOPLE: Final = 20_000

Settings = dict[str, object]


async def measure() -> Sequence[Comparison]:
    """A full read over TLS from a private OpenLDAP."""
    async with private_directory(people(PEOPLE)) as directory:
        settings: Settings = {
            "url": directory.ldaps_url,
            "ca_file": directory.ca_file,
            "bind_dn": directory.bind_dn,
            "password": "secret://directory",
            "base": directory.base,
        }
        product, peer = await race(
            partial(_connector, settings, directory.password), partial(_bare, settings, directory.password)
        )
    against = "a loop over bonsai's paged search"
    return [
        speed(f"{PEOPLE:,} people over LDAPS", against, product, peer),
        memory(against, product, peer),
    ]


def _connector(settings: Settings, password: str) -> Work:
    return reading(CONNECTOR, settings, {"HALO_SECRET_DIRECTORY": password})


def _bare(settings: Settings, password: str) -> Work:
    """The same entries, attributes and page size, decoded by the library."""
    parsed = LdapSettings.model_validate(settings)
    client = bonsai.LDAPClient(parsed.url)
    client.set_cert_policy("demand")
    client.set_ca_cert(str(parsed.ca_file))
    client.set_credentials("SIMPLE", user=parsed.bind_dn, password=password)

    def read() -> int:
        with client.connect() as connection:
            entries = connection.paged_search(
                parsed.base,
                bonsai.LDAPSearchScope.SUBTREE,
                parsed.filter,
                attributes_of(parsed),
                page_size=parsed.page_size,
            )
            return sum(1 for _ in entries)

    return read
