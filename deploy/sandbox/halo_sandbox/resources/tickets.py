"""Tickets, as far as an integrator looks at them: whose they are, and whether they are open."""

from halo_sandbox.parameters import Parameters
from halo_sandbox.resources.resource import Column, Resource
from halo_sandbox.storage import Condition


def narrow(query: Parameters) -> list[Condition]:
    """`open_only` leaves out what has been closed."""
    if not query.boolean("open_only"):
        return []
    return [Condition("coalesce(json_extract(document, '$.hasbeenclosed'), 0) = 0")]


TICKETS = Resource(
    path="Tickets",
    schema="Faults",
    database_table="FAULTS",
    first_id=90001,
    envelope="tickets",
    text=("summary",),
    numbers=("user_id", "client_id", "site_id", "agent_id"),
    filters=("user_id", "client_id", "site_id", "agent_id"),
    searched=("summary",),
    columns=(Column("summary", "Symptom", 4000, required=True),),
    references={"user_id": "Users", "client_id": "Client", "site_id": "Site"},
    narrow=narrow,
    area="tickets",
)
