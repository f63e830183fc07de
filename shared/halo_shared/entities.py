"""The kinds of thing that are kept in step."""

from enum import StrEnum


class EntityKind(StrEnum):
    """What Halo calls its own; in the order in which they refer to each other."""

    CLIENTS = "clients"
    SITES = "sites"
    USERS = "users"
    TECHNICIANS = "technicians"
    """Those who work in Halo; Halo calls them agents, a word that is taken here."""
    ASSETS = "assets"
