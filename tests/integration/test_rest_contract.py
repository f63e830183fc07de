"""What holds for every operation of the REST API, read from its own OpenAPI document."""

import json
from collections.abc import Iterator
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from halo_shared.runs import RunStatus
from tests.support.agent_double import Attempt, agent_double
from tests.support.builders import excess
from tests.support.rest import Json, Office, Operation, operations, refusal

HEALTH: Final = "/health"
PLACES: Final = {"tenant": "acme", "name": "people", "agent": "london-1", "run": "0123456789ab"}
ONE: Final = "/tenants/{tenant}/integrations/{name}"

STORY: Final = (
    "POST /tenants",
    "POST /groups",
    "POST /agents",
    "POST /tenants/{tenant}/integrations",
    "GET /tenants",
    "GET /tenants/{tenant}",
    "GET /groups",
    "GET /agents",
    "GET /agents/{agent}",
    "GET /integrations",
    f"GET {ONE}",
    f"PUT {ONE}",
    f"POST {ONE}/assign",
    f"POST {ONE}/enable",  # its schedule opens a run within a second, and the agent holds that
    "GET /runs",
    "GET /runs/{run}",
    "GET /runs/{run}/events",
    "POST /runs/{run}/approve",  # … and holds the next attempt too
    "POST /runs/{run}/reject",
    f"POST {ONE}/run",
    "POST /runs/{run}/cancel",
    f"POST {ONE}/disable",
    "GET /topology",
    f"GET {HEALTH}",
    "DELETE /agents/{agent}",
)
"""Every operation once, in an order in which each can succeed."""

BODIES: Final = {f"POST {ONE}/assign": {"group": "acme-london"}, f"PUT {ONE}": "POST /tenants/{tenant}/integrations"}


async def documented(office: Office) -> list[Operation]:
    return operations(await office.get("/openapi.json"))
