"""The Halo target: one Halo instance, through its API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import httpx
from pydantic import SecretStr

from halo_agent.engine.ports import Permit
from halo_agent.http import HttpClient
from halo_agent.targets.halo.arrays import Arrays
from halo_agent.targets.halo.auth import HaloAuth, base
from halo_agent.targets.halo.check import Step
from halo_agent.targets.halo.client import CONNECTIONS, HaloClient
from halo_agent.targets.halo.details import Details
from halo_agent.targets.halo.directory import Directory
from halo_agent.targets.halo.external_links import ExternalLinks
from halo_agent.targets.halo.fields import KnownFields
from halo_agent.targets.halo.finding import Finder
from halo_agent.targets.halo.instance import Forgetful, Instance, InstanceMemory
from halo_agent.targets.halo.pacing import Budget, Tell
from halo_agent.targets.halo.paging import Lists
from halo_agent.targets.halo.reading import Reader
from halo_agent.targets.halo.switches import Switches
from halo_agent.targets.halo.target import HaloTarget
from halo_agent.targets.halo.traffic import Traffic
from halo_agent.targets.halo.writer import Writer
from halo_shared.clock import Clock
from halo_shared.entities import EntityKind
from halo_shared.integrations import HaloConnection, ImportSwitches, IntegrationSpec

__all__ = ["Forgetful", "HaloTarget", "InstanceMemory", "Step", "Use", "open_halo", "use_of"]

ANSWER_WITHIN: Final = 70.0
"""Seconds. Halo's own gateway gives up after a minute; waiting a little longer leaves it the last word."""


@dataclass(frozen=True, slots=True)
class Use:
    """What one integration makes of an instance."""

    label: str = ""
    """What its external links are known by: the integration's name."""
    open_tickets: bool = False
    """Whether a user with open tickets must not be retired."""
    switches: ImportSwitches | None = None
    """Its own import switches; None takes the tenant's."""
    memory: InstanceMemory = field(default_factory=Forgetful)
    """Where is kept what was learnt of the instance."""
    answer_within: float = ANSWER_WITHIN


def use_of(integration: IntegrationSpec, memory: InstanceMemory) -> Use:
    """What this integration makes of its tenant's instance."""
    users = integration.mapping.get(EntityKind.USERS)
    return Use(
        label=integration.name,
        open_tickets=bool(users and users.retire.not_with_open_tickets),
        switches=integration.import_switches,
        memory=memory,
    )


@asynccontextmanager
async def open_halo(
    connection: HaloConnection,
    secret: SecretStr,
    *,
    clock: Clock,
    budget: Budget,
    permit: Permit,
    tell: Tell,
    use: Use,
) -> AsyncIterator[HaloTarget]:
    """A target for this instance; nothing is sent before the first call, and no write without the permit.

    `tell` hears what people should know of how Halo behaves: that it is slow to take requests, down, or back.
    """
    timeout = httpx.Timeout(use.answer_within, connect=10, pool=None)
    limits = httpx.Limits(max_connections=CONNECTIONS)
    async with HttpClient("halo", "Halo", timeout=timeout, limits=limits) as http:
        auth = HaloAuth(http, connection, secret, clock)
        client = HaloClient(http, connection, auth, Traffic(clock, budget, tell), clock, permit)
        yield _target(client, auth, connection, clock, tell, use)


def _target(
    client: HaloClient, auth: HaloAuth, connection: HaloConnection, clock: Clock, tell: Tell, use: Use
) -> HaloTarget:
    lists = Lists(client, connection.page_size)
    directory = Directory(client, lists)
    links = ExternalLinks(client, lists, use.label)
    details = Details(client, lists, open_tickets=use.open_tickets)
    reader = Reader(client, lists, directory, links, details)
    finder = Finder(reader, lists, links)
    instance = Instance(client, use.memory, base(connection))
    switches = use.switches or connection.import_switches
    arrays = Arrays(instance, tell, allowed=not switches.validateonly)
    writer = Writer(client, reader, finder, links, arrays, clock, validates=switches.validateonly)
    return HaloTarget(
        client,
        auth,
        lists,
        directory,
        reader,
        finder,
        writer,
        Switches(switches, instance),
        KnownFields(instance, tell),
        details,
        use.label,
    )
