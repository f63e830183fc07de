"""The Halo target: one Halo instance, through its API."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx
from pydantic import SecretStr

from halo_agent.engine.ports import Permit
from halo_agent.targets.halo.auth import HaloAuth
from halo_agent.targets.halo.check import Step
from halo_agent.targets.halo.client import CONNECTIONS, HaloClient
from halo_agent.targets.halo.pacing import Budget, Tell
from halo_agent.targets.halo.paging import Lists
from halo_agent.targets.halo.target import HaloTarget
from halo_agent.targets.halo.traffic import Traffic
from halo_shared.clock import Clock
from halo_shared.integrations import HaloConnection

__all__ = ["HaloTarget", "Step", "open_halo"]

ANSWER_WITHIN: Final = 70.0
"""Seconds. Halo's own gateway gives up after a minute; waiting a little longer leaves it the last word."""


@asynccontextmanager
async def open_halo(
    connection: HaloConnection,
    secret: SecretStr,
    *,
    clock: Clock,
    budget: Budget,
    permit: Permit,
    tell: Tell,
    answer_within: float = ANSWER_WITHIN,
) -> AsyncIterator[HaloTarget]:
    """A target for this instance; nothing is sent before the first call, and no write without the permit.

    `tell` hears what people should know of how Halo behaves: that it is slow to take requests, down, or back.
    """
    timeout = httpx.Timeout(answer_within, connect=10, pool=None)
    limits = httpx.Limits(max_connections=CONNECTIONS)
    # The machine's own authorities: an on-premise Halo is often signed by the company's.
    trusted = ssl.create_default_context()
    async with httpx.AsyncClient(verify=trusted, timeout=timeout, limits=limits) as http:
        auth = HaloAuth(http, connection, secret, clock)
        client = HaloClient(http, connection, auth, Traffic(clock, budget, tell), clock, permit)
        yield HaloTarget(client, auth, Lists(client, connection.page_size), clock)
