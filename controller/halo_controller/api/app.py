"""The REST API as one application over a running controller."""

from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI

from halo_controller.api import (
    agents,
    audit,
    catalogue,
    errors,
    explaining,
    groups,
    health,
    hosted,
    incidents,
    integrations,
    integrator,
    log,
    metrics,
    monitors,
    notifications,
    people,
    records,
    runs,
    starts,
    strangers,
    tenants,
    tokens,
    topology,
)
from halo_controller.wiring import Controller

DESCRIPTION: Final = """
Keeps Halo service desks in step with the tools around them.

Every request but `/health` carries a token: `Authorization: Bearer TOKEN`. The first start of the controller
writes one into the file `operator.token` of its data directory; `POST /tokens` makes more, each with a role:

* an *operator* does everything;
* an *administrator* does everything for its tenants: integrations, runs, people, silences, monitors, tokens;
* a *reader* looks at what its tenants have;
* an *observer* looks at everything, as a scraper of `/metrics` does.

What each operation needs stands with it, as in `runs.start`. Things of other tenants are answered like things that
do not exist.

A refused request is answered with `{"error": code, "message": sentence}`.
"""

TAGS: Final[list[dict[str, Any]]] = [  # Any: as FastAPI declares them
    {"name": "tenants", "description": "A tenant is one Halo instance of one customer."},
    {"name": "groups", "description": "The agents of a group compete for the same work."},
    {"name": "agents", "description": "An agent works on a customer's network and writes to Halo."},
    {
        "name": "integrations",
        "description": "An integration connects one tool to one tenant: settings, entities, mapping, schedule, group.",
    },
    {
        "name": "catalogue",
        "description": "The connectors that the agents have: the tools that can be integrated.",
    },
    {
        "name": "hosted",
        "description": "The hosted integrator: a tenant chooses what is imported, its host decides when.",
    },
    {"name": "integrator", "description": "The three pages that Halo shows of its integrator."},
    {
        "name": "schedules",
        "description": "When an integration runs by itself, why it does not, and what became of earlier moments.",
    },
    {
        "name": "runs",
        "description": "A run is one execution of an integration. A held run waits for a person's approval.",
    },
    {
        "name": "records",
        "description": "What became of single records, as far as their tenant wants it kept (`record_history`).",
    },
    {
        "name": "incidents",
        "description": "An incident is one cause that is open until it recovers, however many errors it makes.",
    },
    {
        "name": "notifications",
        "description": "A notification tells a person of an incident, in the way and at the time that they want.",
    },
    {
        "name": "tokens",
        "description": "A token lets in who sends it, with a role: operator, administrator or reader.",
    },
    {"name": "audit", "description": "One entry for each change that somebody made, never altered."},
    {"name": "operation", "description": "Whether all is well."},
]


def build(controller: Controller) -> FastAPI:
    """The application; it lives no longer than the controller it is built over."""
    app = FastAPI(
        title="halo-integrator controller",
        version=version("halo-integrator-controller"),
        description=DESCRIPTION,
        openapi_tags=TAGS,
        redoc_url=None,
    )
    app.state.controller = controller
    errors.install(app)
    for module in (
        tenants,
        groups,
        agents,
        strangers,
        catalogue,
        integrations,
        hosted,
        integrator,
        explaining,
        starts,
        runs,
        log,
        records,
        incidents,
        people,
        notifications,
        monitors,
        tokens,
        audit,
        metrics,
        topology,
    ):
        app.include_router(module.router, responses=errors.REFUSALS)
    app.include_router(health.router)
    return app
