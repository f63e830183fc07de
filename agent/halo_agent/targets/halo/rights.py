"""What the application may do in Halo, found out without writing: its scopes, and the role of the agent it logs in as.

Halo answers 401 without a word both to a scope that is missing and to a role that does not reach. So each scope is
asked for by itself, which only the application decides; and what the role leaves of it shows in the answer to reading a
page, and to writing an empty array, which holds no record and so can store none.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from halo_agent.targets.halo import wire
from halo_agent.targets.halo.auth import HaloAuth
from halo_agent.targets.halo.client import HaloClient
from halo_agent.targets.halo.errors import WHERE, NotFound
from halo_agent.targets.halo.resources import (
    AGENT,
    ASSET,
    ASSET_TYPE,
    CLIENT,
    SITE,
    TICKET,
    USER,
    Resource,
)
from halo_shared.entities import EntityKind
from halo_shared.errors import PermissionMissing


class Access(StrEnum):
    """What is done to a resource."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Right:
    """One thing that an entity needs of Halo, and what keeps it from having it."""

    kind: EntityKind
    access: Access
    path: str
    scope: str
    """The scope that gives it; empty where any token will do."""
    missing: str = ""
    """Why it is not there, in words; empty when it is."""


Need = tuple[Access, Resource]

NEEDS: Final[Mapping[EntityKind, Sequence[Need]]] = {
    EntityKind.CLIENTS: ((Access.READ, CLIENT), (Access.WRITE, CLIENT)),
    EntityKind.SITES: ((Access.READ, CLIENT), (Access.READ, SITE), (Access.WRITE, SITE)),
    EntityKind.USERS: ((Access.READ, SITE), (Access.READ, USER), (Access.WRITE, USER)),
    EntityKind.TECHNICIANS: ((Access.READ, AGENT), (Access.WRITE, AGENT)),
    EntityKind.ASSETS: ((Access.READ, ASSET_TYPE), (Access.READ, ASSET), (Access.WRITE, ASSET)),
}
"""Placing a record reads clients and sites; an asset's own fields are those of its type."""


class Rights:
    """Finds out which rights are missing. Nothing is written."""

    def __init__(self, auth: HaloAuth, client: HaloClient) -> None:
        self._auth = auth
        self._client = client
        self._scopes: dict[str, bool] = {}
        self._refused: dict[tuple[Access, str], bool] = {}

    async def of(self, kinds: Collection[EntityKind], *, tickets: bool = False) -> list[Right]:
        """Every right that these entities need, each with what is missing; `tickets` when open ones are looked at."""
        needs = [(kind, *need) for kind in kinds for need in NEEDS[kind]]
        if tickets:
            needs.append((EntityKind.USERS, Access.READ, TICKET))
        agent = await self._agent()
        return [
            Right(
                kind,
                access,
                resource.path,
                _scope(access, resource),
                await self._missing(access, resource, agent),
            )
            for kind, access, resource in needs
        ]

    async def _missing(self, access: Access, resource: Resource, agent: str | None) -> str:
        scope = _scope(access, resource)
        if scope and not await self._granted(scope):
            return f"the application may not ask for the scope {scope}"
        if agent is not None and await self._shut(access, resource):
            return f"the role of the agent {agent} does not allow it"
        return ""

    async def _granted(self, scope: str) -> bool:
        if scope not in self._scopes:
            self._scopes[scope] = await self._auth.grants(scope)
        return self._scopes[scope]

    async def _shut(self, access: Access, resource: Resource) -> bool:
        if (access, resource.path) not in self._refused:
            method = "GET" if access is Access.READ else "POST"
            self._refused[access, resource.path] = await self._client.forbids(method, resource.path)
        return self._refused[access, resource.path]

    async def _agent(self) -> str | None:
        """The agent that the application logs in as; None when it cannot log in with the scope of the tenant file."""
        try:
            me = wire.single(await self._client.get(f"{AGENT.path}/me"), AGENT)
        except NotFound:
            return "that it logs in as"
        except PermissionMissing:
            return None
        return f"'{me.get('name')}'"


def lacking(rights: Sequence[Right]) -> PermissionMissing | None:
    """What to do about the rights that are missing, if any are."""
    missing = [right for right in rights if right.missing]
    if not missing:
        return None
    named = "; ".join(dict.fromkeys(f"to {right.access} {right.path}: {right.missing}" for right in missing))
    return PermissionMissing(
        f"Rights are missing in Halo ({named}). Give them under {WHERE}, or in the agent's role."
    )


def _scope(access: Access, resource: Resource) -> str:
    if resource is AGENT:
        return "" if access is Access.READ else resource.rights
    return f"{'read' if access is Access.READ else 'edit'}:{resource.rights}"
