"""Trying a connection stage by stage."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from halo_agent import connectors
from halo_agent.connectors import CheckStep, Secrets
from halo_agent.jobs.permits import NeverWrites
from halo_agent.targets.halo import Use, open_halo
from halo_agent.targets.halo.rights import Right
from halo_shared.clock import Clock
from halo_shared.entities import EntityKind
from halo_shared.integrations import HaloConnection, IntegrationSpec


async def check_source(integration: IntegrationSpec, secrets: Secrets) -> AsyncIterator[CheckStep]:
    """Each stage of reaching the tool as it succeeds; the first that fails raises what to do about it."""
    connector = connectors.find(integration.connector)
    settings = connector.parse(integration.settings)
    yield CheckStep("settings", f"valid for connector {connector.name}")
    async with connector.open(settings, secrets) as source:
        async for step in source.check():
            yield step


async def check_halo(halo: HaloConnection, secrets: Secrets, clock: Clock) -> AsyncGenerator[CheckStep]:
    """Each stage of reaching Halo as it succeeds; the first that fails raises what to do about it."""
    secret = secrets.resolve(halo.client_secret)
    async with open_halo(
        halo, secret, clock=clock, budget=halo, permit=NeverWrites(), tell=_unheard, use=Use()
    ) as target:
        async for step in target.check():
            yield CheckStep(step.stage, step.found)


async def check_rights(
    halo: HaloConnection, integration: IntegrationSpec, secrets: Secrets, clock: Clock
) -> Sequence[Right]:
    """Every right that the integration needs in Halo, each with what is missing. Nothing is written."""
    users = integration.mapping.get(EntityKind.USERS)
    tickets = bool(users and users.retire.not_with_open_tickets)
    return await halo_rights(halo, integration.entities, secrets, clock, tickets=tickets)


async def halo_rights(
    halo: HaloConnection,
    entities: Sequence[EntityKind],
    secrets: Secrets,
    clock: Clock,
    *,
    tickets: bool = False,
) -> Sequence[Right]:
    """Every right that these entities need in Halo, each with what is missing. Nothing is written."""
    secret = secrets.resolve(halo.client_secret)
    async with open_halo(
        halo, secret, clock=clock, budget=halo, permit=NeverWrites(), tell=_unheard, use=Use()
    ) as target:
        return await target.rights(entities, tickets=tickets)


async def _unheard(text: str) -> None:
    """A check ends at the first failure, so nothing is to be said of waiting."""
