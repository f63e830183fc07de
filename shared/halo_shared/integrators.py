"""The three kinds of integrator, in Halo's words: where an agent runs, and how it writes."""

from enum import StrEnum
from typing import Final

HOSTED_GROUP: Final = "hosted"
"""The group of the agents that run beside the controller, for all tenants."""


class Integrator(StrEnum):
    """Where an agent runs and how it writes; all agents of a group are of one kind."""

    HOSTED = "hosted"
    """Beside the controller, through Halo's API; its host says when it runs."""
    LOCAL = "local"
    """On the customer's network, through Halo's API."""
    DATABASE = "database"
    """Beside an on-premise Halo, straight to its database."""
