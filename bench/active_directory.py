"""A whole domain through the connector, against the bare loop of a library over the same domain."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import bonsai

from bench.child import Work, memory, race, speed
from bench.reading import reading
from bench.rounds import Comparison
from halo_agent.connectors.active_directory import CONNECTOR
from halo_agent.connectors.active_directory.records import Shape
from halo_agent.connectors.active_directory.scope import NORMAL_USER
from halo_sandbox.services.domain_controller import PrivateDomain, private_domain
from halo_sandbox.services.people import people
from halo_shared.clock import SystemClock
from halo_shared.entities import EntityKind

PEOPLE: Final = 20_000
PAGE: Final = 500


async def measure() -> Sequence[Comparison]:
    """A full read over LDAPS from a private domain controller, which needs most of the time itself."""
    async with private_domain(people(PEOPLE)) as domain:
        product, peer = await race(partial(_connector, domain), partial(_bare, domain))
    against = "a loop over bonsai's paged search"
    return [
        speed(f"{PEOPLE:,} people of a domain over LDAPS", against, product, peer),
        memory(against, product, peer),
    ]


def _connector(domain: PrivateDomain) -> Work:
    settings = {
        "domain": domain.realm.lower(),
        "controllers": [domain.address],
        "ca_file": domain.ca_file,
        "account": domain.reader,
        "password": "secret://directory",
        "page_size": PAGE,
    }
    return reading(CONNECTOR, settings, {"HALO_SECRET_DIRECTORY": domain.password})


def _bare(domain: PrivateDomain) -> Work:
    """The same entries, attributes and page size, decoded by the library."""
    client = bonsai.LDAPClient(f"ldaps://{domain.address}")
    client.set_cert_policy("demand")
    client.set_ca_cert(str(domain.ca_file))
    client.set_credentials("SIMPLE", user=domain.reader, password=domain.password)
    client.set_ignore_referrals(True)
    client.set_raw_attributes(["objectGUID"])  # the library takes all others for text or numbers
    asked = Shape.of(EntityKind.USERS, (), (), SystemClock().now()).asked

    def read() -> int:
        with client.connect() as connection:
            entries = connection.paged_search(
                domain.base, bonsai.LDAPSearchScope.SUBTREE, NORMAL_USER, asked, page_size=PAGE
            )
            return sum(1 for _ in entries)

    return read
